"""Against the definitions, in the camera of the authors' sample building."""

import itertools

import numpy as np
import pytest

from fedmtl.data.taskonomy_camera import room_layout, vanishing_points
from fedmtl.tasks.euler import rotation
from tests.data.taskonomy_archive import CAMERA, put_camera
from tests.tasks.examples import make


@pytest.fixture
def write(tmp_path):
    def of(**changes):
        put_camera(tmp_path / "camera.json", CAMERA | changes)
        return tmp_path / "camera.json"

    return of


def turned(quarters, **axes):
    """The axes of a building that was measured along another wall, and upside down."""
    x, y, z = (np.array(axes[name]) for name in "xyz")
    for _ in range(quarters):
        x, y = y, -x
    return {"x": x.tolist(), "y": y.tolist(), "z": (-z).tolist()}


def test_vanishing_points_are_as_in_the_file(write):
    axes = CAMERA["vanishing_points_gaussian_sphere"]
    np.testing.assert_allclose(
        vanishing_points(write()).reshape(3, 3), [axes[name] for name in "xyz"], atol=1e-6
    )


@pytest.mark.parametrize("quarters", range(4))
def test_whichever_wall_a_building_was_measured_along(write, quarters):
    axes = CAMERA["vanishing_points_gaussian_sphere"]
    other = write(vanishing_points_gaussian_sphere=turned(quarters, **axes))
    np.testing.assert_allclose(vanishing_points(other), vanishing_points(write()), atol=1e-6)


def test_the_vertical_is_that_of_the_camera_s_own_rotation(write):
    upward = rotation(np.array(CAMERA["camera_rotation_final"])).T @ [0, 0, 1]
    np.testing.assert_allclose(vanishing_points(write())[6:], upward, atol=1e-6)


def test_the_layout_has_the_corners_of_the_box(write):
    """Corner by corner from the file, without choosing an axis: the world's to the camera's, by its matrix."""
    label = room_layout(write())
    ranges, place = CAMERA["bounding_box_ranges"], np.array(CAMERA["camera_location"])
    matrix = rotation(np.array(CAMERA["camera_rotation_final"]))
    # The file's box has its axes changed against the world: x there is the world's y, and y there its −x, negated.
    corners = [(y, x, z) for x, y, z in itertools.product(*(ranges[axis] for axis in "xyz"))]
    expected = (np.array(corners) - place) @ matrix
    found = label[:3] + (np.array(list(itertools.product((-0.5, 0.5), repeat=3))) * label[6:]) @ rotation(
        label[3:6]
    )
    distance = np.linalg.norm(found[:, None] - expected, axis=2)
    np.testing.assert_allclose(distance.min(axis=0), 0, atol=1e-9)
    assert sorted(distance.argmin(axis=0)) == list(range(8))


def test_depth_is_where_the_camera_looks(write):
    for yaw in np.radians([0, 40, 50, 130, 200, 310]):
        label = room_layout(write(camera_rotation_final=[1.5, 0.0, yaw]))
        ahead = rotation(label[3:6]) @ [0, 0, -1]
        assert ahead[0] > abs(ahead[1])
        assert np.linalg.norm(label[6:]) == pytest.approx(np.linalg.norm(room_layout(write())[6:]))


def test_layout_and_vanishing_points_agree_before_and_after_mirroring(write):
    """The room's depth vanishes where the axis ahead does."""
    layout, points = make("room_layout"), make("vanishing_points")
    box, axes = layout.decode(room_layout(write())), points.decode(vanishing_points(write()))
    for one, other in (
        (box, axes),
        (layout.flip(box), points.flip(axes)),
        (layout.rotate(box, 9), points.rotate(axes, 9)),
    ):
        matrix = rotation(one[3:6])
        np.testing.assert_allclose(other.reshape(3, 3), [-matrix[0], -matrix[1], matrix[2]], atol=1e-5)
