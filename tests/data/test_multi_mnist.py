import gzip

import numpy as np
import pytest

from fedmtl.data import SOURCES
from fedmtl.data.check import inspect
from fedmtl.data.layouts import open_folder
from fedmtl.data.multi_mnist import MultiMnist
from fedmtl.errors import ConfigError, DataError
from tests.data.mnist_files import TEST, TRAIN, digits, idx, write_mnist

TASKS = ["left", "right"]


@pytest.fixture
def root(tmp_path):
    return write_mnist(tmp_path / "mnist")


def problems(root, **options):
    return [
        str(problem).removeprefix(f"{root}/")
        for problem in inspect(MultiMnist(str(root)), **options).problems
    ]


def every_id(source):
    return [sample_id for split in ("train", "val", "test") for sample_id in source.ids(split)]


@pytest.mark.parametrize(("suffix", "dot"), [("", False), (".gz", False), ("", True), (".gz", True)])
def test_the_files_are_read_as_they_are_handed_around(tmp_path, suffix, dot):
    source = open_folder(write_mnist(tmp_path / "mnist", suffix=suffix, dot=dot))
    assert isinstance(source, MultiMnist)
    assert source.check() == []
    assert source.layout == "MultiMNIST, of 24 training digits and 7 test digits"
    assert [len(source.ids(split)) for split in ("train", "val", "test")] == [TRAIN - 4, 4, TEST]
    assert set(source.tasks) == {"left", "right"}
    assert source.channels == 1


def test_two_digits_are_laid_over_each_other(root):
    source = MultiMnist(str(root))
    halves = {"train": digits(TRAIN, 0), "val": digits(TRAIN, 0), "test": digits(TEST, 1)}
    for sample_id in every_id(source):
        sample = source.load(sample_id, TASKS)
        pixels, classes = halves[sample_id.partition("-")[0]]
        place = int(sample_id.partition("-")[2])
        assert sample.labels["left"] == classes[place]
        assert (sample.image.shape, sample.image.dtype) == ((36, 36, 1), np.uint8)
        image = sample.image[:, :, 0]
        # Only a digit of the class of the label explains what is at the lower right.
        (other,) = [i for i, each in enumerate(pixels) if np.array_equal(image[28:, 28:], each[20:, 20:])]
        assert other != place
        assert sample.labels["right"] == classes[other]
        expected = np.zeros((36, 36), np.uint8)
        expected[:28, :28] = pixels[place]
        expected[8:, 8:] = np.maximum(expected[8:, 8:], pixels[other])
        np.testing.assert_array_equal(image, expected)


def rights(source, split):
    """Which digit of the file is at the right of each image of a split."""
    pixels = digits(TEST, 1)[0] if split == "test" else digits(TRAIN, 0)[0]
    return [
        next(
            i
            for i, each in enumerate(pixels)
            if np.array_equal(source.image(name)[28:, 28:, 0], each[20:, 20:])
        )
        for name in source.ids(split)
    ]


def test_no_digit_is_in_two_splits(root):
    source = MultiMnist(str(root))
    train = {*map(int, (name.partition("-")[2] for name in source.ids("train"))), *rights(source, "train")}
    val = {*map(int, (name.partition("-")[2] for name in source.ids("val"))), *rights(source, "val")}
    assert train == set(range(TRAIN - 4))
    assert val == set(range(TRAIN - 4, TRAIN))


def test_pairs_are_the_seeds(root):
    drawn = [
        [rights(MultiMnist(str(root), seed=seed), split) for split in ("train", "test")] for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    source = MultiMnist(str(root))
    backwards = {name: source.image(name) for name in reversed(every_id(source))}
    again = MultiMnist(str(root))
    assert all(np.array_equal(again.image(name), image) for name, image in backwards.items())


def test_the_test_files_may_be_missing(root):
    for path in root.glob("t10k-*"):
        path.unlink()
    source = MultiMnist(str(root))
    assert source.check() == []
    assert source.layout == "MultiMNIST, of 24 training digits"
    assert list(source.ids("test")) == []


def test_tasks_may_have_other_names(root):
    source = SOURCES.build("multi-mnist", {"path": str(root), "names": {"left": "shoe"}}, "data.sources.x")
    assert set(source.tasks) == {"shoe", "right"}
    assert source.load("val-21", ["shoe"]).labels["shoe"] == 1
    with pytest.raises(DataError, match="no task 'left'; known: right, shoe"):
        source.load("val-21", ["left"])
    with pytest.raises(ConfigError, match=r"names\.lefft: MultiMNIST has no such task; did you mean 'left'"):
        MultiMnist(str(root), {"lefft": "x"})
    with pytest.raises(ConfigError, match="left and right are both called 'right'"):
        MultiMnist(str(root), {"left": "right"})


@pytest.mark.parametrize("sample_id", ["train-20", "val-19", "val-24", "test-7", "train-01", "train", "x-1"])
def test_other_ids_are_refused(root, sample_id):
    with pytest.raises(DataError, match=f"has no sample '{sample_id}': ids are <split>-<place>"):
        MultiMnist(str(root)).load(sample_id, [])


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def rewrite(root, name, change):
    path = root / name
    path.write_bytes(change(path.read_bytes()))


DAMAGE = {
    "truncated images": (
        lambda root: rewrite(root, IMAGES, lambda raw: raw[:1000]),
        f"{IMAGES}: has 984 bytes of data, but says that there are 18,816; download it again",
    ),
    "nothing in the file": (
        lambda root: rewrite(root, LABELS, lambda raw: b""),
        f"{LABELS}: begins with 0x, not with 0x00000801",
    ),
    "images for labels": (
        lambda root: rewrite(root, LABELS, lambda raw: (root / IMAGES).read_bytes()),
        f"{LABELS}: begins with 0x00000803, not with 0x00000801; it is another of the files",
    ),
    "another type of number": (
        lambda root: rewrite(root, IMAGES, lambda raw: b"\0\0\x0d\x03" + raw[4:]),
        f"{IMAGES}: begins with 0x00000d03, not with 0x00000803",
    ),
    "digits of another size": (
        lambda root: rewrite(root, IMAGES, lambda raw: idx(np.zeros((TRAIN, 32, 30), np.uint8))),
        f"{IMAGES}: has images of 30x32, not 28x28",
    ),
    "a label that is no digit": (
        lambda root: rewrite(root, LABELS, lambda raw: raw[:-1] + b"\x0a"),
        f"{LABELS}: gives image 23 the label 10, not 0 to 9",
    ),
    "letters": (
        lambda root: rewrite(root, LABELS, lambda raw: raw[:8] + bytes(range(1, 25))),
        f"{LABELS}: gives image 9 the label 10, not 0 to 9 (and 14 more)",
    ),
    "labels of other images": (
        lambda root: rewrite(root, LABELS, lambda raw: (root / "t10k-labels-idx1-ubyte").read_bytes()),
        f"{LABELS}: has 7 labels, and {IMAGES} 24 images",
    ),
    "missing labels": (
        lambda root: (root / LABELS).unlink(),
        f"{LABELS}: there is no such file, nor one that ends with .gz",
    ),
    "missing images": (lambda root: (root / IMAGES).unlink(), f"{IMAGES}: there is no such file"),
    "too few": (
        lambda root: write_mnist(root, sizes={"train": 11}),
        f"{IMAGES}: has 11 images, of which val has too few for a pair",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named_once(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    (found,) = problems(root)
    assert found.startswith(expected)
    with pytest.raises(DataError, match=r"train-(images|labels)"):
        [*MultiMnist(str(root)).ids("train"), *MultiMnist(str(root)).ids("val")]


def test_a_truncated_archive_is_told(tmp_path):
    root = write_mnist(tmp_path / "mnist", suffix=".gz")
    rewrite(root, f"{IMAGES}.gz", lambda raw: raw[: len(raw) // 2])
    rewrite(root, "t10k-labels-idx1-ubyte.gz", gzip.decompress)
    found = problems(root)
    assert found[0].startswith(f"{IMAGES}.gz: cannot be read: Compressed file ended before")
    assert found[1].startswith("t10k-labels-idx1-ubyte.gz: cannot be read: Not a gzipped file")
    assert len(found) == 2


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"no file train-images-idx3-ubyte, or with \.gz; name the folder with MNIST's"
    ):
        MultiMnist(str(tmp_path)).ids("train")
    write_mnist(tmp_path / "MNIST/raw")
    with pytest.raises(DataError, match=r"did you mean .*raw, which has that of `kind: multi-mnist`\?"):
        MultiMnist(str(tmp_path / "MNIST")).ids("train")
