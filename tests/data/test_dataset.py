import numpy as np
import pytest
import torch

from fedmtl.config import AugmentConfig, CacheKind, DataConfig, Resize
from fedmtl.data import ClientDataset, Folder
from fedmtl.data.base import Sample
from fedmtl.errors import ConfigError
from fedmtl.tasks import build_task, vanishing_points
from fedmtl.tasks.spec import TaskSpec
from tests.data.memory import CLASSES, Memory

DEPTH = TaskSpec("depth", "depth")
TASKS = [build_task(CLASSES), build_task(DEPTH)]
RNG = np.random.default_rng(0)


def source(dtype=np.uint8, channels=3):
    labels = RNG.integers(0, 3, (8, 10), dtype=np.uint8)
    depth = RNG.uniform(1, 4, (8, 10)).astype(np.float32)
    images = (RNG.random((3, 8, 10, channels)) * 255).astype(dtype)
    samples = {
        "a": Sample("a", images[0], {"semseg": labels, "depth": depth}),
        "b": Sample("b", images[1], {"depth": depth}),
        "c": Sample("c", images[2], {"semseg": np.full_like(labels, 255), "depth": depth}),
    }
    return Memory([CLASSES, DEPTH], samples, {"train": ["a", "b", "c"]})


def dataset(of, **config):
    config.setdefault("image_size", (8, 10))
    return ClientDataset(of, ["a", "b", "c"], TASKS, DataConfig(**config))


def test_an_item_is_an_image_its_targets_and_whether_they_are_labelled():
    memory = source()
    item = dataset(memory)[0]
    np.testing.assert_allclose(item["image"], memory.samples["a"].image.transpose(2, 0, 1) / 255, atol=1e-6)
    assert item["image"].dtype == torch.float32
    assert item["labelled"] == {"semseg": True, "depth": True}
    assert item["index"] == 0
    for task in TASKS:
        torch.testing.assert_close(
            item["targets"][task.name], task.target(memory.samples["a"].labels[task.name])
        )


@pytest.mark.parametrize("index", [1, 2])
def test_a_missing_label_and_one_without_a_labelled_pixel_are_unlabelled(index):
    item = dataset(source())[index]
    assert item["labelled"] == {"semseg": False, "depth": True}
    torch.testing.assert_close(item["targets"]["semseg"], TASKS[0].target(TASKS[0].unlabelled((8, 10))))


def test_images_of_other_sensors_keep_their_values():
    memory = source(np.float32, channels=12)
    item = dataset(memory)[0]
    np.testing.assert_array_equal(item["image"], memory.samples["a"].image.transpose(2, 0, 1))


def test_everything_comes_to_the_configured_size():
    item = dataset(source(), image_size=(4, 6))[0]
    assert item["image"].shape == (3, 4, 6)
    assert {target.shape[-2:] for target in item["targets"].values()} == {(4, 6)}


@pytest.mark.parametrize("cache", list(CacheKind))
def test_a_magnified_image_fills_what_it_is_large_enough_for_and_no_border_is_magnified(cache):
    augment = AugmentConfig(scale=(2.0, 2.0), color=0.0)
    config = {"image_size": (16, 20), "resize": Resize.keep, "cache": cache}
    data = dataset(source(), augment=augment, **config)
    items = [data.item(0, np.random.default_rng(seed)) for seed in range(5)]
    assert all((item["targets"]["depth"] > 0).all() for item in items)
    assert (data[0]["targets"]["depth"] > 0).sum() == 8 * 10
    unchanged = dataset(source(), augment=AugmentConfig(flip=False, color=0.0), **config)
    torch.testing.assert_close(unchanged.item(0, np.random.default_rng(0)), unchanged[0])


@pytest.mark.parametrize(
    ("cache", "loads"), [(CacheKind.memory, 3), (CacheKind.disk, 3), (CacheKind.none, 6)]
)
def test_the_cache_decodes_an_image_once(cache, loads):
    memory = source()
    data = dataset(memory, cache=cache)
    first = [data[index] for index in range(3)]
    second = [data[index] for index in range(3)]
    assert memory.loads == loads
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.float32, 1)])
def test_changing_a_drawn_item_leaves_the_cache_alone(dtype, channels):
    data = dataset(source(dtype, channels))
    before = data[0]["image"].clone()
    data[0]["image"].zero_()
    torch.testing.assert_close(data[0]["image"], before)


def test_preloading_fills_the_cache():
    memory = source()
    data = dataset(memory)
    data.preload(2)
    assert memory.loads == 3
    data.preload(2)
    assert data[1]["image"].shape == (3, 8, 10)
    assert memory.loads == 3


@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 3), (np.uint8, 1), (np.float32, 5)])
def test_augmentation_depends_on_the_generator_alone(dtype, channels):
    augment = AugmentConfig(flip=True, rotation=30.0, scale=(0.5, 2.0), color=0.5)
    data = dataset(source(dtype, channels), augment=augment)

    def draw(seed):
        return data.item(0, np.random.default_rng(seed))

    torch.testing.assert_close(draw(1), draw(1), rtol=0, atol=0)
    assert not torch.equal(draw(1)["image"], draw(2)["image"])
    assert not torch.equal(draw(1)["targets"]["depth"], draw(2)["targets"]["depth"])
    assert not torch.equal(draw(1)["image"], data[0]["image"])


def test_a_folder_with_every_kind_of_label(example):
    folder = Folder(str(example))
    tasks = [build_task(spec) for spec in folder.tasks.values()]
    data = ClientDataset(folder, folder.ids("train"), tasks, DataConfig(image_size=(9, 11)))
    items = [data.item(index, np.random.default_rng(index)) for index in range(3)]
    assert [item["labelled"]["range"] for item in items] == [True, False, True]
    assert [item["labelled"]["light"] for item in items] == [True, False, True]
    assert all(item["labelled"]["semseg"] and item["labelled"]["room_type"] for item in items)


def test_what_is_autoencoded_is_what_is_seen():
    spec = TaskSpec("same", "autoencoding")
    image = (RNG.random((8, 10, 3)) * 255).astype(np.uint8)
    memory = Memory(
        [spec], {"a": Sample("a", image, {"same": build_task(spec).decode(image)})}, {"train": ["a"]}
    )
    augment = AugmentConfig(flip=True, rotation=30.0, scale=(0.5, 2.0), color=0.5)
    data = ClientDataset(memory, ["a"], [build_task(spec)], DataConfig(image_size=(12, 14), augment=augment))
    for item in (data[0], *(data.item(0, np.random.default_rng(seed)) for seed in range(5))):
        target, image_seen = item["targets"]["same"], item["image"]
        known = target >= 0
        torch.testing.assert_close(target[known], image_seen[known])
        assert known.float().mean() > 0.1
    assert bool((data[0]["targets"]["same"] >= 0).all())


def test_an_augmentation_that_a_task_cannot_follow_is_refused():
    task = build_task(TaskSpec("points", "vanishing_points", vanishing_points.VALUES))
    with pytest.raises(ConfigError, match="labels of task 'points'"):
        ClientDataset(source(), ["a"], [task], DataConfig(augment=AugmentConfig(scale=(0.5, 1.0))))
