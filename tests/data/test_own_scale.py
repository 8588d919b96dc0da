from dataclasses import replace

import numpy as np
import pytest

from fedmtl.config import DataConfig, Resize
from fedmtl.data import Folder, HeldOut
from fedmtl.data.base import Sample
from fedmtl.data.own_scale import LOOKED_AT, check_scale
from fedmtl.errors import ConfigError, DataError
from tests.data.folders import SIZE, SPLITS
from tests.data.memory import Memory


def source(train, val=((480, 640),), test=()):
    """Images of these sizes."""
    named = {
        split: dict(enumerate(sizes)) for split, sizes in (("train", train), ("val", val), ("test", test))
    }
    samples = {
        f"{split}-{place}": Sample(f"{split}-{place}", np.zeros((*size, 3), np.uint8), {})
        for split, sizes in named.items()
        for place, size in sizes.items()
    }
    return Memory((), samples, {split: [f"{split}-{i}" for i in sizes] for split, sizes in named.items()})


def keep(*size):
    return DataConfig(image_size=size, resize=Resize.keep)


def test_images_that_fit_pass():
    check_scale([source([(480, 640), (375, 500)])], keep(480, 640))
    check_scale([source([(480, 640)])], keep(512, 704))


@pytest.mark.parametrize(
    ("size", "shrunk", "enough"),
    [
        ((512, 576), "576x432", "512,640"),
        ((448, 576), "576x432", "480,640"),
        ((448, 704), "597x448", "480,704"),
    ],
)
def test_a_larger_image_is_refused_with_what_it_would_become_and_the_ways_out(size, shrunk, enough):
    message = (
        f"data.resize=keep: image 'train-1' is 640x480 and would be shrunk to {shrunk}, .*; "
        rf"set data\.image_size=\[{enough}\], or data\.resize=pad"
    )
    with pytest.raises(ConfigError, match=message):
        check_scale([source([(375, 500), (480, 640)])], keep(*size))


@pytest.mark.parametrize("mode", [Resize.pad, Resize.stretch])
def test_who_wants_images_shrunk_gets_them_and_nothing_is_decoded(mode):
    images = source([(480, 640)])
    check_scale([images], replace(keep(10, 10), resize=mode))
    assert images.loads == 0


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_split_of_every_source_is_looked_at(split):
    small = {"train": [(4, 4)], "val": [(4, 4)]}
    with pytest.raises(ConfigError, match=f"image '{split}-0' is 9x8"):
        check_scale([source(**small), source(**{**small, split: [(8, 9)]})], keep(6, 6))


def test_what_is_suggested_holds_the_images_of_all_sources_that_lie_and_that_stand():
    pascal = source([(375, 500)] * 90 + [(500, 375)] * 30)
    with pytest.raises(ConfigError, match=r"is 500x375 .* set data\.image_size=\[512,672\], or"):
        check_scale([pascal, source([(425, 648)])], keep(256, 256))
    with pytest.raises(ConfigError, match="is 375x500 and would be shrunk to 336x448"):
        check_scale([pascal], keep(448, 576))


def test_few_images_are_decoded_and_those_of_a_source_once():
    images = source([(4, 4)] * 1000, [(4, 4)] * 100)
    check_scale([images, images], keep(4, 4))
    assert LOOKED_AT < images.loads <= 2 * LOOKED_AT


def test_of_images_on_disk_the_file_is_named(example):
    folder = Folder(str(example))
    check_scale([folder], keep(*SIZE))
    first = folder.files(SPLITS["train"][0], [])[0]
    with pytest.raises(ConfigError, match=f"{first} is {SIZE[1]}x{SIZE[0]}"):
        check_scale([HeldOut(folder, "x", 0.5)], keep(SIZE[0], SIZE[1] - 1))
    first.write_bytes(b"")
    with pytest.raises(DataError, match=str(first)):
        check_scale([folder], keep(*SIZE))
