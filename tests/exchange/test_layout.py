from itertools import permutations

import numpy as np
import pytest

from fedmtl.exchange.layout import Entry, Layout

ENTRIES = (
    Entry("weight", (2, 3), "float32"),
    Entry("counter", (), "int64"),
    Entry("empty", (0, 4), "float32"),
    Entry("scale", (), "float32"),
    Entry("half", (2,), "float16"),
)
LAYOUT = Layout(ENTRIES)
TENSORS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "counter": np.array(2**24, np.int64),
    "empty": np.empty((0, 4), np.float32),
    "scale": np.array(0.1, np.float32),
    "half": np.array([0.5, -2], np.float16),
}


def test_the_size_counts_every_element():
    assert LAYOUT.size == 6 + 1 + 0 + 1 + 2
    assert Layout(()).size == 0


def test_slices_follow_one_another():
    assert [(entry.name, place.start, place.stop) for entry, place in LAYOUT.slices()] == [
        ("weight", 0, 6),
        ("counter", 6, 7),
        ("empty", 7, 7),
        ("scale", 7, 8),
        ("half", 8, 10),
    ]


def test_splitting_what_was_joined_gives_every_tensor_back():
    vector = LAYOUT.join(TENSORS)
    assert vector.dtype == np.float32
    again = LAYOUT.split(vector)
    assert list(again) == [entry.name for entry in ENTRIES]
    for entry in ENTRIES:
        assert again[entry.name].dtype == entry.dtype
        assert again[entry.name].shape == entry.shape
        np.testing.assert_array_equal(again[entry.name], TENSORS[entry.name])


def test_joining_what_was_split_gives_the_vector_back():
    vector = np.arange(LAYOUT.size, dtype=np.float32)
    np.testing.assert_array_equal(LAYOUT.join(LAYOUT.split(vector)), vector)


def test_floats_are_views_of_the_vector():
    vector = LAYOUT.join(TENSORS)
    LAYOUT.split(vector)["weight"][0, 0] = 9
    assert vector[0] == 9


def test_a_mean_of_counters_is_rounded():
    layout = Layout((Entry("counter", (2,), "int64"),))
    np.testing.assert_array_equal(layout.split(np.array([2.6, -2.6], np.float32))["counter"], [3, -3])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"scale": np.zeros((1,), np.float32)}, ValueError, r"scale has shape \(1,\), not \(\)"),
        ({"weight": np.zeros((3, 2), np.float32)}, ValueError, r"weight has shape \(3, 2\), not \(2, 3\)"),
        ({"half": None}, KeyError, "half"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(wrong, error, message):
    tensors = {name: tensor for name, tensor in {**TENSORS, **wrong}.items() if tensor is not None}
    with pytest.raises(error, match=message):
        LAYOUT.join(tensors)


def test_the_digest_depends_on_everything():
    one, two = Entry("a", (2, 3), "float32"), Entry("b", (1,), "float32")
    variants = [
        (),
        (one,),
        (two,),
        *permutations((one, two)),
        (Entry("a", (3, 2), "float32"), two),
        (Entry("a", (6,), "float32"), two),
        (Entry("a", (2, 3), "float16"), two),
        (Entry("c", (2, 3), "float32"), two),
        (Entry('a", [2, 3], "float32"], ["b', (1,), "float32"),),
    ]
    assert len({Layout(variant).digest for variant in variants}) == len(variants)


def test_equal_layouts_have_equal_digests():
    assert Layout(ENTRIES).digest == Layout(tuple(Entry(e.name, e.shape, e.dtype) for e in ENTRIES)).digest
