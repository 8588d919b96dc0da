import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from mmap import mmap
from threading import Barrier

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fedmtl.config import CacheKind, DataConfig
from fedmtl.data import ClientDataset, Folder, HeldOut, decoded, make_loader, parts_file
from fedmtl.data.rooms import Rooms
from fedmtl.data.threaded import Threaded
from fedmtl.errors import DataError
from fedmtl.tasks import build_task
from tests.data.folders import DEPTHLESS, SIZE, SPLITS, save

IDS = SPLITS["train"]
DENSE = ("semseg", "range")


class Counted(Folder):
    """How often a sample was decoded."""

    decodings = 0

    def load(self, sample_id, tasks):
        type(self).decodings += 1
        return super().load(sample_id, tasks)


@pytest.fixture
def folder(tmp_path):
    Counted.decodings = 0
    return tmp_path / "cache"


def dataset(root, folder, tasks=DENSE, source=None, **config):
    source = source or Counted(str(root))
    built = [build_task(source.tasks[task]) for task in tasks]
    settings = DataConfig(image_size=SIZE, cache=CacheKind.disk, cache_folder=str(folder), **config)
    return ClientDataset(source, IDS, built, settings)


def items(data):
    return [data[index] for index in range(len(data))]


def assert_equal(ones, others):
    for one, other in zip(ones, others, strict=True):
        assert one["labelled"] == other["labelled"]
        assert torch.equal(one["image"], other["image"])
        for task, target in one["targets"].items():
            assert torch.equal(target, other["targets"][task])


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_later_process_decodes_nothing_and_gets_the_same(example, folder):
    first = items(dataset(example, folder))
    assert Counted.decodings == len(IDS)
    assert_equal(first, items(dataset(example, folder)))
    assert Counted.decodings == len(IDS)
    reference = dataset(example, folder)
    reference._disk = None
    assert_equal(first, items(reference))
    assert not first[IDS.index(DEPTHLESS)]["labelled"]["range"]
    assert folder.stat().st_mode & 0o077 == 0


def test_samples_are_mapped_and_not_held(example, folder):
    items(dataset(example, folder))
    prepared = dataset(example, folder)._prepared(0)
    assert prepared.labels.keys() == set(DENSE)
    for base in (prepared.image, *prepared.labels.values()):
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base.obj, mmap)


def test_loader_processes_share_it(example, folder):
    tasks = ("semseg", "room_type")
    here = list(make_loader(dataset(example, folder, tasks), 2, training=True, words=(1,)))
    before = Counted.decodings
    elsewhere = list(make_loader(dataset(example, folder, tasks), 2, training=True, words=(1,), workers=2))
    assert Counted.decodings == before
    for one, other in zip(here, elsewhere, strict=True):
        assert torch.equal(one.image, other.image)


def test_processes_decode_and_threads_take_what_is_decoded(example, folder):
    data = dataset(example, folder, ("semseg",))
    loader = make_loader(data, 2, training=True, workers=2)
    assert isinstance(loader, DataLoader)
    assert not data.is_decoded()
    first = list(loader)
    assert Counted.decodings == 0  # in this process
    assert data.is_decoded()
    loader = make_loader(data, 2, training=True, workers=2)
    assert isinstance(loader, Threaded)
    for one, other in zip(first, loader, strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.targets["semseg"], other.targets["semseg"])
    assert Counted.decodings == 0


def test_without_a_cache_nothing_is_ever_decoded_for_good(example):
    data = ClientDataset(Folder(str(example)), IDS, [], DataConfig(image_size=SIZE, cache=CacheKind.none))
    items(data)
    assert not data.is_decoded()
    assert isinstance(make_loader(data, 2, training=True, workers=2), DataLoader)


@pytest.mark.parametrize("changed", ["images/a/0.png", "semseg/a/0.png", "dataset.yaml"])
def test_what_has_changed_is_decoded_anew_and_replaced(example, folder, changed):
    items(dataset(example, folder))
    kept = files(folder)
    if changed.endswith(".png"):
        save(example / changed, np.zeros((*SIZE, 3) if "images" in changed else SIZE, np.uint8))
    os.utime(example / changed, ns=(1, 1))
    Counted.decodings = 0
    items(dataset(example, folder))
    assert Counted.decodings == (1 if changed.endswith(".png") else len(IDS))
    assert files(folder) == kept
    if changed.endswith(".png"):
        item = dataset(example, folder)[0]
        assert not (item["image"] if "images" in changed else item["targets"]["semseg"]).any()


def test_files_are_looked_at_when_a_sample_is_first_asked_for(example, folder):
    data = dataset(example, folder)
    first = items(data)
    data.source.files = None
    assert_equal(first, items(data))
    for path in files(folder):
        path.unlink()
    del data.source.files
    assert_equal(first, items(data))
    assert Counted.decodings == 2 * len(IDS)


def test_a_label_that_appears_is_taken_in(example, folder):
    items(dataset(example, folder))
    save(example / "range" / f"{DEPTHLESS}.png", np.full(SIZE, 2000, np.uint16))
    item = dataset(example, folder)[IDS.index(DEPTHLESS)]
    assert item["targets"]["range"].unique().tolist() == [2]


def test_clients_share_the_image_and_the_labels_that_they_have_in_common(example, folder):
    whole = items(dataset(example, folder, DENSE))
    kept = {path: path.read_bytes() for path in files(folder)}
    few = items(dataset(example, folder, ("semseg",)))
    assert Counted.decodings == len(IDS)
    for one, other in zip(whole, few, strict=True):
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["targets"]["semseg"], other["targets"]["semseg"])
    assert {path: path.read_bytes() for path in files(folder)} == kept


def test_who_lacks_a_label_decodes_that_alone_and_puts_it_beside_the_others(example, folder):
    whole = items(dataset(example, folder, DENSE))
    asked = []
    source = Counted(str(example))
    load = source.load
    source.load = lambda sample_id, tasks: asked.append(tuple(tasks)) or load(sample_id, tasks)
    other = dataset(example, folder, ("range", "room_type"), source)
    assert not other.is_decoded()
    items(other)
    assert asked == [("room_type",)] * len(IDS)
    assert other.is_decoded()
    assert len(files(folder)) == len(IDS)
    Counted.decodings = 0
    assert_equal(whole, items(dataset(example, folder, DENSE)))
    items(dataset(example, folder, (*DENSE, "room_type")))
    assert Counted.decodings == 0


def test_an_image_without_a_label_is_known_to_have_none(example, folder):
    items(dataset(example, folder, ("range",)))
    assert not dataset(example, folder, ("range",))[IDS.index(DEPTHLESS)]["labelled"]["range"]
    assert Counted.decodings == len(IDS)


def test_several_writers_at_once_leave_whole_files_and_nothing_else(example, folder):
    together = Barrier(4)
    of_each = (DENSE, ("semseg",), DENSE, ("range", "room_type"))

    def read(tasks):
        data = dataset(example, folder, tasks)
        together.wait()
        return items(data)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, of_each))
    assert {path.suffix for path in files(folder)} == {".npy"}
    assert len(files(folder)) == len(IDS)
    for tasks in of_each:  # of labels that were added at the same time some may be lost
        items(dataset(example, folder, tasks))
    Counted.decodings = 0
    for tasks, first in zip(of_each, found, strict=True):
        assert_equal(first, items(dataset(example, folder, tasks)))
    assert Counted.decodings == 0


def test_a_changed_image_takes_the_labels_of_all_clients_with_it(example, folder):
    items(dataset(example, folder, DENSE))
    path = example / "images" / f"{IDS[0]}.png"
    save(path, np.zeros((*SIZE, 3), np.uint8))
    os.utime(path, ns=(1, 1))
    items(dataset(example, folder, ("room_type",)))
    Counted.decodings = 0
    items(dataset(example, folder, DENSE))
    assert Counted.decodings == 1


def test_another_size_is_another_file_and_a_task_of_other_classes_another_label(example, folder):
    items(dataset(example, folder, ("semseg",)))
    source = Counted(str(example))
    settings = DataConfig(image_size=SIZE, cache=CacheKind.disk, cache_folder=str(folder))
    task = build_task(source.tasks["semseg"])
    renamed = build_task(replace(task.spec, classes=("ground", "wall", "chair")))
    items(ClientDataset(source, IDS, [renamed], settings))
    assert Counted.decodings == 2 * len(IDS)
    assert len(files(folder)) == len(IDS)
    items(ClientDataset(source, IDS, [task], replace(settings, image_size=(6, 8))))
    assert Counted.decodings == 3 * len(IDS)
    assert len(files(folder)) == 2 * len(IDS)


@pytest.mark.parametrize("keep", [0, 40, 300])
def test_a_damaged_file_is_decoded_anew(example, folder, keep):
    first = items(dataset(example, folder))
    for path in files(folder):
        path.write_bytes(path.read_bytes()[:keep])
    Counted.decodings = 0
    assert_equal(first, items(dataset(example, folder)))
    assert Counted.decodings == len(IDS)
    items(dataset(example, folder))
    assert Counted.decodings == len(IDS)


def test_a_full_disk_is_told_and_leaves_nothing(example, folder, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts_file.os, "fsync", full)
    with pytest.raises(DataError, match=r"No space left on device; make room, .* or set data\.cache=memory"):
        items(dataset(example, folder))
    assert files(folder) == []


def test_a_broken_sample_is_told_as_without_a_cache(example, folder):
    (example / "semseg/a/0.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"semseg/a/0\.png: cannot be decoded"):
        dataset(example, folder)[0]


def test_held_out_images_are_the_sources(example, folder):
    source = Counted(str(example))
    assert HeldOut(source, "x", 0.5).files("a/0", ["semseg"]) == source.files("a/0", ["semseg"])
    items(dataset(example, folder))
    assert [path.name for path in source.files("a/0", ["semseg", "light"])] == [
        "0.png",
        "dataset.yaml",
        "0.png",
        "labels.csv",
    ]


def test_drawn_images_are_kept_in_memory(folder):
    rooms = Rooms(height=16, width=16, sites=1, train=2)
    settings = DataConfig(image_size=(16, 16), cache=CacheKind.disk, cache_folder=str(folder))
    data = ClientDataset(rooms, rooms.ids("train"), [build_task(rooms.tasks["depth"])], settings)
    assert data.in_memory
    assert data[0]["image"].shape == (3, 16, 16)
    assert not folder.exists()


def test_it_lies_in_the_users_cache_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert decoded.default_folder() == tmp_path / "fedmtl" / "decoded"
