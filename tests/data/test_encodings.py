import numpy as np
import pytest
from scipy.io import savemat

from fedmtl.data.encodings import class_indices, distribution, metres, read_map, shares, unit_vectors
from fedmtl.data.files import FileError
from tests.data.nyud_archive import put

RNG = np.random.default_rng(0)
MAP = RNG.integers(0, 200, (4, 5)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".npy", ".mat"])
def test_a_map_is_read_as_its_suffix_says(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    put(path, MAP, "depth")
    np.testing.assert_array_equal(read_map(path, "depth"), MAP)


def test_one_channel_is_a_map(tmp_path):
    np.save(tmp_path / "x.npy", MAP[:, :, None])
    np.testing.assert_array_equal(read_map(tmp_path / "x.npy"), MAP)


@pytest.mark.parametrize(
    "array", [np.zeros(4), np.zeros((0, 4)), np.zeros((2, 3), "U4"), np.zeros((1, 2, 3, 4))]
)
def test_what_is_no_map_is_refused(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(FileError, match="not a map of numbers"):
        read_map(tmp_path / "x.npy")


def test_a_truncated_matlab_file_is_named(tmp_path):
    path = tmp_path / "x.mat"
    savemat(path, {"depth": RNG.random((40, 50))}, do_compression=True)
    whole = path.read_bytes()
    for keep in (0, 10, 128, 200, len(whole) - 5):
        path.write_bytes(whole[:keep])
        with pytest.raises(FileError, match=r"x\.mat: "):
            read_map(path, "depth")


def test_class_indices_may_be_floats_that_are_whole(tmp_path):
    labels = class_indices(tmp_path, np.array([[0.0, 40.0, 255.0]]), 40)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [[0, 40, 255]])
    for wrong in (0.5, -1, 41, np.nan):
        with pytest.raises(FileError, match="has the label"):
            class_indices(tmp_path, np.array([[wrong, 1]]), 40)
    with pytest.raises(FileError, match="not one class index a pixel"):
        class_indices(tmp_path, np.zeros((2, 2, 3)), 40)


def test_depth_is_in_metres(tmp_path):
    np.testing.assert_array_equal(
        metres(tmp_path, np.array([[1.5, 0, -2, np.nan, 1e300]])), [[1.5, 0, 0, 0, 0]]
    )
    with pytest.raises(FileError, match="another unit"):
        metres(tmp_path, np.array([[5000]], np.uint16))
    with pytest.raises(FileError, match="not one depth a pixel"):
        metres(tmp_path, np.zeros((2, 2, 3)))


def test_a_data_set_may_end_before_the_world_does(tmp_path):
    centimetres = np.array([[350.0]])
    assert metres(tmp_path, centimetres) == 350
    with pytest.raises(
        FileError, match=r"reaches a depth of 350 m; .* since none of this one is beyond 20 m"
    ):
        metres(tmp_path, centimetres, 20)


def test_vectors_come_to_unit_length_and_too_short_ones_to_zero(tmp_path):
    raw = np.array([[[-0.63, 0, 0.84], [0.1, 0.1, 0.1], [np.inf, 0, 0]]])
    np.testing.assert_allclose(
        unit_vectors(tmp_path, raw), [[[-0.6, 0, 0.8], [0, 0, 0], [0, 0, 0]]], rtol=1e-6
    )
    in_bytes = np.array([[[255, 128, 128], [128, 127, 128], [0, 0, 0]]], np.uint8)
    np.testing.assert_allclose(
        unit_vectors(tmp_path, in_bytes), [[[1, 0, 0], [0, 0, 0], [0, 0, 0]]], atol=0.005
    )


DIRECTIONS = RNG.normal(size=(20, 30, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=2, keepdims=True)
CODED = {
    "white": (np.full((2, 3, 3), 255.0), "a length of about 442, not 1"),
    "bytes as floats": (np.full((2, 3, 3), (255.0, 128, 128)), "a length of about 313, not 1"),
    "bytes as wide integers": (
        np.rint((DIRECTIONS + 1) * 127.5).astype(np.int64),
        "a length of about 2.., not 1",
    ),
    "one vector of 0 to 1": (np.full((2, 3, 3), (1, 0.5, 0.5)), "a length of about 1.22, not 1"),
    "0 to 1": ((DIRECTIONS + 1) / 2, "a length of about .*, not 1|has no negative number"),
    "0 to 1 of some length": (
        np.abs(DIRECTIONS),
        "has no negative number, so all its normals point to one side",
    ),
}


@pytest.mark.parametrize("code", CODED)
def test_numbers_that_only_code_vectors_are_refused_with_the_way_out(tmp_path, code):
    raw, message = CODED[code]
    with pytest.raises(FileError, match=message) as refused:
        unit_vectors(tmp_path, raw)
    assert "must be x, y and z from −1 to 1 at unit length, so write 2x" in str(refused.value)


def test_vectors_of_a_resized_file_may_be_longer_and_shorter_along_borders(tmp_path):
    lengths = np.ones((20, 30, 1))
    lengths[:, ::3] = 0.7
    lengths[:, 1::9] = 1.2
    np.testing.assert_allclose(unit_vectors(tmp_path, DIRECTIONS * lengths), DIRECTIONS, atol=1e-6)
    lengths[:, ::2] = 0.7
    with pytest.raises(FileError, match="of a length of about"):
        unit_vectors(tmp_path, DIRECTIONS * lengths)


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_a_map_without_any_vector_is_unlabelled(tmp_path, nothing):
    np.testing.assert_array_equal(unit_vectors(tmp_path, np.full((2, 3, 3), nothing)), 0)


def test_shares_are_bytes_or_fractions(tmp_path):
    np.testing.assert_array_equal(shares(tmp_path, MAP), MAP)
    np.testing.assert_array_equal(shares(tmp_path, np.array([[0, 0.5, 1]])), [[0, 128, 255]])
    for wrong in (np.array([[2.0]]), np.array([[-0.1]]), np.array([[np.nan]])):
        with pytest.raises(FileError, match="not between 0 and 1"):
            shares(tmp_path, wrong)
    with pytest.raises(FileError, match="not one number a pixel"):
        shares(tmp_path, np.zeros((2, 2, 3)))


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0.25, 0.75, 0], [0.25, 0.75, 0]),
        ([[0.2505, 0.7515, 0]], [0.25, 0.75, 0]),  # half precision, and an axis of one
        (np.log([0.5, 0.25, 0.25]), [0.5, 0.25, 0.25]),
        ([1000, -1000, 1000], [0.5, 0, 0.5]),
    ],
)
def test_probabilities_are_kept_and_logits_become_some(tmp_path, numbers, expected):
    np.save(tmp_path / "x.npy", np.array(numbers))
    found = distribution(tmp_path / "x.npy", 3)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32
