import numpy as np
import pytest

from fedmtl.data.label_borders import borders


def test_a_map_of_one_label_has_none():
    assert not borders(np.full((5, 7), 3, np.uint16)).any()


def test_the_border_of_two_labels_is_one_line():
    labels = np.zeros((9, 12), np.uint16)
    labels[:, 6:] = 459
    found = borders(labels)
    assert (found[1:].sum(axis=1) == 1).all()  # thinning takes the end of a line that is two pixels wide
    assert found[1:, 5:7].any(axis=1).all()


def test_labels_are_numbers():
    """The middle column is between two labels of the same distance, so its Laplacian is 0."""
    labels = np.zeros((5, 9), np.uint16) + np.array([1, 1, 1, 1, 2, 3, 3, 3, 3], np.uint16)
    found = borders(labels)
    assert not found[:, 4].any()
    assert found[1:-1, 3].all()
    assert found[1:-1, 5].all()


@pytest.mark.parametrize("seed", range(3))
def test_every_edge_is_at_a_border(seed):
    labels = np.kron(np.random.default_rng(seed).integers(0, 5, (4, 5)), np.ones((6, 6), int)).astype(
        np.uint16
    )
    found = borders(labels)
    assert found.any()
    for row, column in zip(*np.nonzero(found), strict=True):
        around = labels[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert len(np.unique(around)) > 1
