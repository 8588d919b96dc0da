import numpy as np
import pytest
import torch

from fedmtl.config import AugmentConfig, CacheKind, DataConfig
from fedmtl.data import ClientDataset, make_loader
from fedmtl.data.base import Sample
from fedmtl.tasks import build_task
from fedmtl.tasks.spec import TaskSpec
from tests.data.memory import CLASSES, Memory

ROOM = TaskSpec("room", "classification", ("a", "b"))
TASKS = [build_task(CLASSES), build_task(ROOM)]
AUGMENT = AugmentConfig(flip=True, scale=(0.7, 1.4), color=0.3)


def dataset(count, cache=CacheKind.memory):
    rng = np.random.default_rng(0)
    samples = {}
    for index in range(count):
        labels = {"semseg": rng.integers(0, 3, (8, 10), dtype=np.uint8)}
        if index % 2:
            labels["room"] = np.array([index // 2 % 2])
        sample_id = f"{index:02}"
        samples[sample_id] = Sample(sample_id, rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), labels)
    source = Memory([CLASSES, ROOM], samples, {"train": list(samples)})
    return ClientDataset(
        source, list(samples), TASKS, DataConfig(image_size=(8, 10), augment=AUGMENT, cache=cache)
    )


def ids(loader):
    return [batch.ids for batch in loader]


def test_a_batch_stacks_its_items():
    data = dataset(4)
    (batch,) = make_loader(data, 4, training=False)
    assert batch.num_images == 4
    assert batch.ids == list(data.ids)
    assert batch.image.shape == (4, 3, 8, 10)
    torch.testing.assert_close(batch.labelled["room"], torch.tensor([False, True, False, True]))
    for index in range(4):
        torch.testing.assert_close(batch.image[index], data[index]["image"])
        torch.testing.assert_close(batch.targets["semseg"][index], data[index]["targets"]["semseg"])


def test_a_batch_moves_whole():
    (batch,) = make_loader(dataset(2), 2, training=False)
    moved = batch.to("meta")
    assert {
        moved.image.device.type,
        *(t.device.type for t in (*moved.targets.values(), *moved.labelled.values())),
    } == {"meta"}
    assert moved.ids == batch.ids


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (1, 4, [1]), (5, 4, [5]), (3, 1, [1, 1, 1])],
)
def test_a_single_last_training_image_joins_the_batch_before(count, batch_size, sizes):
    data = dataset(count)
    batches = ids(make_loader(data, batch_size, training=True))
    assert [len(batch) for batch in batches] == sizes
    assert sorted(sample_id for batch in batches for sample_id in batch) == list(data.ids)


def test_evaluation_goes_in_order_batch_by_batch():
    batches = ids(make_loader(dataset(5), 4, training=False))
    assert batches == [["00", "01", "02", "03"], ["04"]]


def test_an_empty_data_set_has_no_batches():
    assert ids(make_loader(dataset(0), 4, training=True)) == []


def test_order_and_augmentation_are_keyed():
    data = dataset(12)

    def epoch(seed, *words):
        return list(make_loader(data, 5, training=True, seed=seed, words=words))

    reference = epoch(0, 3, "client", 0)
    for one, other in zip(reference, epoch(0, 3, "client", 0), strict=True):
        assert one.ids == other.ids
        torch.testing.assert_close(one.image, other.image, rtol=0, atol=0)
    for different in (
        epoch(1, 3, "client", 0),
        epoch(0, 4, "client", 0),
        epoch(0, 3, "other", 0),
        epoch(0, 3, "client", 1),
    ):
        assert [batch.ids for batch in different] != [batch.ids for batch in reference]
        images = {
            sample_id: image
            for batch in reference
            for sample_id, image in zip(batch.ids, batch.image, strict=True)
        }
        assert not all(
            torch.equal(images[sample_id], image)
            for batch in different
            for sample_id, image in zip(batch.ids, batch.image, strict=True)
        )


def test_augmentation_of_an_image_does_not_depend_on_the_batch_size():
    data = dataset(6)
    drawn = []
    for batch_size in (2, 3):
        loader = make_loader(data, batch_size, training=True, words=(1,))
        drawn.append({i: image for batch in loader for i, image in zip(batch.ids, batch.image, strict=True)})
    for sample_id in data.ids:
        assert torch.equal(drawn[0][sample_id], drawn[1][sample_id])


@pytest.mark.parametrize("cache", list(CacheKind))
def test_the_number_of_workers_changes_nothing(cache):
    here = list(make_loader(dataset(7, cache), 3, training=True, words=(2, "x")))
    elsewhere = list(make_loader(dataset(7, cache), 3, training=True, words=(2, "x"), workers=2))
    for one, other in zip(here, elsewhere, strict=True):
        assert one.ids == other.ids
        torch.testing.assert_close(one.image, other.image, rtol=0, atol=0)
        for task in one.targets:
            torch.testing.assert_close(one.targets[task], other.targets[task], rtol=0, atol=0)
            torch.testing.assert_close(one.labelled[task], other.labelled[task])


def test_the_global_generators_are_left_alone():
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    list(make_loader(dataset(4), 2, training=True))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_cache_outlives_a_loader():
    data = dataset(4)
    for epoch in range(3):
        list(make_loader(data, 2, training=True, words=(epoch,)))
    assert data.source.loads == 4
