import numpy as np
import pytest

from fedmtl.data.rendering.sampling import sample
from fedmtl.data.rendering.solids import SHELL, Shape
from fedmtl.data.rendering.style import Style
from fedmtl.data.rendering.view import look
from tests.data.rendering.scenes import GREY, WHITE, camera, lamp, place, scene

FRAME = (48, 64)


def points(view, focal):
    """Depth (H, W) as points in the camera's frame, by the pinhole model."""
    height, width = view.depth.shape
    i, j = np.indices(view.depth.shape)
    x = (j + 0.5 - width / 2) / (focal * width)
    y = (i + 0.5 - height / 2) / (focal * width)
    return np.stack([x, y, np.ones_like(x)], axis=-1) * view.depth[..., None].astype(np.float64)


def test_a_wall_across_the_view_has_one_depth_and_faces_the_camera():
    view = look(scene(), camera(), FRAME)
    wall = view.surface == 3
    assert wall.sum() > 100
    np.testing.assert_allclose(view.depth[wall], 5.0, rtol=1e-6)
    np.testing.assert_allclose(view.normals[wall], np.tile([0, 0, -1], (wall.sum(), 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("surface", "axis", "plane"), [(0, 0, 0.0), (1, 0, 4.0), (3, 1, 6.0), (4, 2, 0.0), (5, 2, 3.0)]
)
def test_depth_reprojects_onto_the_planes_of_the_room(surface, axis, plane):
    looking = camera(target=(2.4, 6.0, 1.2), focal=0.55, roll=0.1)
    view = look(scene(), looking, FRAME)
    world = points(view, looking.focal) @ looking.rotation + looking.position
    on = view.surface == surface
    assert on.sum() > 20
    np.testing.assert_allclose(world[on][:, axis], plane, atol=1e-5)


def test_a_ball_has_the_normals_of_a_ball():
    looking = camera()
    view = look(scene(place(Shape.ball, (2.0, 3.0, 1.5))), looking, FRAME)
    ball = view.surface == SHELL
    assert ball.sum() > 100
    centre = looking.rotation @ (np.array([2.0, 3.0, 1.5]) - looking.position)
    expected = (points(view, looking.focal) - centre)[ball] / 0.5
    np.testing.assert_allclose(view.normals[ball], expected, atol=1e-4)


def test_a_floor_has_upward_normals_in_the_cameras_frame():
    view = look(scene(), camera(), FRAME)
    floor = view.normals[view.surface == 4]
    np.testing.assert_allclose(floor, np.tile([0, -1, 0], (len(floor), 1)), atol=1e-6)


@pytest.fixture(scope="module")
def furnished():
    style = Style.of(0, "0")
    rooms = [sample(style, np.random.default_rng(seed)) for seed in range(6)]
    return [(room, looking, look(room, looking, FRAME)) for room, looking in rooms]


def test_normals_are_unit_and_face_the_camera(furnished):
    for _, looking, view in furnished:
        np.testing.assert_allclose(np.linalg.norm(view.normals, axis=-1), 1.0, atol=1e-5)
        i, j = np.indices(FRAME).reshape(2, -1) + 0.5
        rays = looking.rays(i, j, FRAME) @ looking.rotation.T
        assert np.all(np.sum(view.normals.reshape(-1, 3) * rays, axis=1) < 1e-5)


def test_depth_and_normals_agree_on_the_planes_of_a_room(furnished):
    """Neighbours on one plane differ by a vector that is at right angles to its normal."""
    for _, looking, view in furnished:
        i, j = np.indices(FRAME).reshape(2, -1) + 0.5
        rays = (looking.rays(i, j, FRAME) @ looking.rotation.T).reshape(*FRAME, 3)
        where = rays * view.depth[..., None]
        flat = (view.surface[:, 1:] == view.surface[:, :-1]) & (view.surface[:, 1:] < SHELL)
        step = (where[:, 1:] - where[:, :-1])[flat]
        assert np.abs(np.sum(step * view.normals[:, 1:][flat], axis=1)).max() < 1e-4


def test_depth_is_at_least_what_the_camera_keeps_clear(furnished):
    for *_, view in furnished:
        assert view.depth.min() > 0.1
        assert view.depth.max() < 9.0
        assert (view.depth.dtype, view.normals.dtype, view.radiance.dtype) == (np.float32,) * 3


def test_any_size_is_rendered_pixel_by_pixel_alike():
    """An odd number of rows and columns is cut into tiles too: the picture is that of rays one by one."""
    looking = camera(target=(2.3, 6.0, 1.2))
    room = scene(place(), lights=[lamp()])
    view = look(room, looking, (17, 19))
    whole = look(room, looking, (51, 57))
    np.testing.assert_allclose(view.depth, whole.depth[1::3, 1::3], rtol=1e-6)
    np.testing.assert_array_equal(view.surface, whole.surface[1::3, 1::3])


def test_borders_are_smooth_and_surfaces_are_not_touched():
    """Black floor and white walls: only pixels on their border are grey."""
    black = GREY._replace(colour=(0.0, 0.0, 0.0))
    room = scene(ambient=(1.0, 1.0, 1.0), shell=(WHITE, black, WHITE))
    view = look(room, camera(roll=0.3), FRAME)
    floor = view.surface == 4
    inner = floor[1:-1, 1:-1] & floor[:-2, 1:-1] & floor[2:, 1:-1] & floor[1:-1, :-2] & floor[1:-1, 2:]
    assert np.all(view.radiance[1:-1, 1:-1][inner] == 0)
    mixed = floor & (view.radiance[..., 0] > 0)
    assert 5 < mixed.sum() < 60
