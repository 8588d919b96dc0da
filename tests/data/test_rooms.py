import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fedmtl.data import SOURCES
from fedmtl.data.base import Sample
from fedmtl.data.rooms import TASKS, Rooms
from fedmtl.errors import ConfigError, DataError
from fedmtl.tasks import build_task

ROOMS = Rooms(height=24, width=32, train=40, val=3, test=2, sites=3)
ALL = list(TASKS)

OTHER_PROCESS = """
import pickle, sys
from fedmtl.data.rooms import Rooms
rooms = Rooms(height=24, width=32)
sample = rooms.load("1/val-2", list(rooms.tasks))
sys.stdout.buffer.write(pickle.dumps((sample.image, dict(sample.labels))))
"""


def assert_equal(one, other):
    np.testing.assert_array_equal(one.image, other.image)
    assert one.labels.keys() == other.labels.keys()
    for task in one.labels:
        np.testing.assert_array_equal(one.labels[task], other.labels[task])


def test_ids_are_counted_per_site_and_split():
    assert [len(ROOMS.ids(split)) for split in ("train", "val", "test", "nope")] == [120, 9, 6, 0]
    assert ROOMS.ids("test") == [f"{site}/test-{index}" for site in range(3) for index in range(2)]
    assert ROOMS.site("2/val-1") == "2"


@pytest.mark.parametrize(
    "sample_id",
    ["", "0", "0/train", "3/train-0", "0/train-40", "0/nope-0", "x/train-0", "00/train-0", "0/train--1"],
)
def test_an_unknown_id_is_an_error(sample_id):
    with pytest.raises(DataError, match="rooms has no sample"):
        ROOMS.load(sample_id, ALL)


def test_labels_are_in_the_canonical_encodings_of_their_kinds():
    sample = ROOMS.load("0/train-0", ALL)
    assert sample.image.shape == (24, 32, ROOMS.channels)
    assert sample.image.dtype == np.uint8
    for name, spec in ROOMS.tasks.items():
        assert spec.name == name
        task = build_task(spec)
        blank, label = task.unlabelled((24, 32)), sample.labels[name]
        assert (label.shape, label.dtype) == (blank.shape, blank.dtype), name
        task.target(label)


def test_labels_are_in_range():
    for sample_id in ROOMS.ids("val"):
        labels = ROOMS.load(sample_id, ALL).labels
        assert labels["semseg"].max() < len(TASKS["semseg"].classes)
        assert labels["depth"].min() > 0
        np.testing.assert_allclose(np.linalg.norm(labels["normals"], axis=2), 1.0, atol=1e-5)
        assert set(np.unique(labels["edge"])) == {0, 255}
        assert set(np.unique(labels["saliency"])) <= {0, 255}
        assert 0 <= labels["room_type"] < 4
        assert set(np.unique(labels["objects"])) <= {0.0, 1.0}
        assert np.all(labels["measures"] > 0)


def test_only_known_tasks_that_are_asked_for_are_labelled():
    assert set(ROOMS.load("0/train-0", ["depth", "parts"]).labels) == {"depth"}
    assert ROOMS.check() == []


def test_a_sample_is_the_same_in_any_order_and_on_any_thread():
    ids = list(ROOMS.ids("val"))
    serial = {sample_id: ROOMS.load(sample_id, ALL) for sample_id in ids}
    with ThreadPoolExecutor(3) as pool:
        threaded = list(pool.map(lambda sample_id: ROOMS.load(sample_id, ALL), ids[::-1]))
    for sample in threaded:
        assert_equal(sample, serial[sample.id])


def test_a_sample_is_the_same_in_any_process():
    command = [sys.executable, "-c", OTHER_PROCESS]
    image, labels = pickle.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert_equal(Sample("1/val-2", image, labels), ROOMS.load("1/val-2", ALL))


def test_a_sample_depends_on_nothing_but_its_id_and_the_seed():
    fewer = Rooms(height=24, width=32, sites=1, train=1, val=0, test=0)
    assert_equal(fewer.load("0/train-0", ALL), ROOMS.load("0/train-0", ALL))
    reseeded = Rooms(seed=1, height=24, width=32).load("0/train-0", ALL)
    assert np.any(reseeded.image != ROOMS.load("0/train-0", ALL).image)


def test_every_sample_is_another():
    images = [
        ROOMS.load(sample_id, []).image for sample_id in ("0/train-0", "0/train-1", "0/val-0", "1/train-0")
    ]
    assert len({image.tobytes() for image in images}) == 4


def test_sites_differ_more_than_the_rooms_of_one_do():
    """Between the halves of a site, mean colour and class frequencies differ less than between sites."""
    rooms = Rooms(height=16, width=24, train=100, sites=3)
    samples = {
        site: [rooms.load(f"{site}/train-{index}", ["semseg"]) for index in range(100)]
        for site in ("0", "1", "2")
    }

    def colour(half):
        return np.mean([sample.image.mean(axis=(0, 1)) for sample in half], axis=0)

    def classes(half):
        counts = [np.bincount(sample.labels["semseg"].ravel(), minlength=12) for sample in half]
        return np.mean(counts, axis=0) / (16 * 24)

    for statistic in (colour, classes):
        halves = {site: (statistic(of[::2]), statistic(of[1::2])) for site, of in samples.items()}
        within = np.mean([np.linalg.norm(a - b) for a, b in halves.values()])
        between = np.mean(
            [np.linalg.norm(halves[a][0] - halves[b][1]) for a in samples for b in samples if a != b]
        )
        assert between > 1.5 * within


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("seed", -1),
        ("height", 15),
        ("width", 0),
        ("sites", 0),
        ("train", 0),
        ("val", -1),
        ("test", -3),
        ("height", 96.0),
        ("sites", True),
    ],
)
def test_an_option_out_of_range_is_an_error_that_names_it(option, value):
    with pytest.raises(ConfigError, match=f"rooms: {option} must be a whole number"):
        Rooms(**{option: value})


def test_rooms_are_a_source_under_their_name():
    built = SOURCES.build("rooms", {"sites": 2, "width": 64}, "data.sources.a")
    assert built == Rooms(sites=2, width=64)
