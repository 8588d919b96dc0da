import math

import numpy as np
import pytest

from fedmtl.data.rendering.raycast import cast, irradiance
from fedmtl.data.rendering.solids import SHELL, Shape, pack
from tests.data.rendering.scenes import SIZE, random_solids, solid

ROOM = np.array(SIZE)
EYE = np.array([2.0, 1.0, 1.5])


def shoot(solids, *directions, origin=EYE):
    return cast(ROOM, pack(list(solids)), np.array(origin), np.array(directions, dtype=float))


def test_an_empty_room_has_six_faces_at_known_distances():
    axes = np.concatenate([-np.eye(3), np.eye(3)])[[0, 3, 1, 4, 2, 5]]
    hits = shoot([], *axes)
    assert hits.distance == pytest.approx([2.0, 2.0, 1.0, 5.0, 1.5, 1.5])
    assert hits.surface.tolist() == [0, 1, 2, 3, 4, 5]
    assert hits.normal == pytest.approx(-axes)


def test_distance_is_in_lengths_of_the_direction():
    assert shoot([], (0.0, 2.5, 0.0)).distance == pytest.approx([2.0])


def test_a_box_turned_by_45_degrees_shows_its_edge():
    box = solid(centre=(2.0, 4.0, 1.5), yaw=math.pi / 4)
    hits = shoot([box], (0.001, 1.0, 0.0), (-0.001, 1.0, 0.0))
    assert hits.distance == pytest.approx([3 - math.sqrt(0.5)] * 2, abs=0.01)
    half = math.sqrt(0.5)
    assert hits.normal == pytest.approx(np.array([[half, -half, 0.0], [-half, -half, 0.0]]))


def test_a_ball_is_met_where_its_equation_says():
    hits = shoot([solid(Shape.ball, (2.0, 4.0, 1.5), (1.0, 1.0, 1.0))], (0.0, 1.0, 0.0), (0.2, 1.0, 0.0))
    b, c = -3.0, 8.0
    oblique = (-b - math.sqrt(b * b - 1.04 * c)) / 1.04
    assert hits.distance == pytest.approx([2.0, oblique])
    assert hits.normal[1] == pytest.approx([0.2 * oblique, oblique - 3.0, 0.0])


def test_a_ball_stretched_along_z_has_the_normal_of_an_ellipsoid():
    hits = shoot([solid(Shape.ball, (2.0, 4.0, 1.5), (0.5, 0.5, 1.0))], (0.0, 3.0, 0.5))
    point = EYE + hits.distance[0] * np.array([0.0, 3.0, 0.5]) - (2.0, 4.0, 1.5)
    assert np.sum((point / (0.5, 0.5, 1.0)) ** 2) == pytest.approx(1.0)
    gradient = point / np.square((0.5, 0.5, 1.0))
    assert hits.normal[0] == pytest.approx(gradient / np.linalg.norm(gradient))


def test_a_cone_has_a_side_and_two_ends():
    cone = solid(Shape.cone, (2.0, 3.0, 1.5), (1.0, 1.0, 0.5), taper=0.5)
    side = shoot([cone], (0.0, 1.0, 0.0))
    assert side.distance == pytest.approx([1.25])
    # The radius falls by 0.5 over a height of 1.
    assert side.normal[0] == pytest.approx(np.array([0.0, -2.0, 1.0]) / math.sqrt(5))
    top = shoot([cone], (0.0, 0.0, -1.0), (0.6, 0.0, -1.0), origin=(2.0, 3.0, 2.7))
    assert top.distance == pytest.approx([0.7, 0.7])
    assert top.normal == pytest.approx(np.array([[0.0, 0.0, 1.0]] * 2))
    bottom = shoot([cone], (0.0, 0.0, 1.0), (0.9, 0.0, 1.0), origin=(2.0, 3.0, 0.2))
    assert bottom.distance == pytest.approx([0.8, 0.8])
    assert bottom.normal == pytest.approx(np.array([[0.0, 0.0, -1.0]] * 2))


def test_a_widening_cone_is_met_inside_its_bounding_sphere():
    cone = solid(Shape.cone, (2.0, 4.0, 1.5), (0.2, 0.2, 0.5), taper=4.0)
    hits = shoot([cone], (0.0, 1.0, 0.0), (0.65 / 3, 1.0, 0.45 / 3))
    assert hits.distance[0] == pytest.approx(2.5)
    assert hits.surface.tolist() == [SHELL, SHELL]


def test_solids_behind_the_origin_are_not_met():
    assert shoot([solid(centre=(2.0, 0.4, 1.5), half=(0.3, 0.3, 0.3))], (0.0, 1.0, 0.0)).surface.tolist() == [
        3
    ]


def test_bundles_change_nothing():
    rng = np.random.default_rng(0)
    solids = random_solids(rng, 40)
    directions = rng.normal(size=(500, 3)) * (1.0, 0.5, 1.0) + (0.0, 1.0, 0.0)
    origin = np.array([2.0, 0.5, 1.5])
    together = cast(ROOM, pack(solids), origin, directions)
    alone = [shoot(solids, direction, origin=origin) for direction in directions]
    for whole, parts in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert len(set(together.surface.tolist())) > 20


def test_normals_are_unit_and_face_the_origin():
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(2000, 3)) * 0.5 + (0.0, 1.0, 0.0)
    hits = cast(ROOM, pack(random_solids(rng, 30)), np.array([2.0, 0.5, 1.5]), directions)
    np.testing.assert_allclose(np.linalg.norm(hits.normal, axis=1), 1.0, atol=1e-12)
    assert np.all(np.sum(hits.normal * directions, axis=1) < 1e-9)
    assert np.all((hits.distance > 0) & np.isfinite(hits.distance))


FLOOR = np.array([[2.0, 3.0, 0.0], [3.0, 3.0, 0.0], [2.4, 3.0, 0.0]])
UP = np.tile([0.0, 0.0, 1.0], (3, 1))
LIGHT = np.array([2.0, 3.0, 2.0])


def light_on_floor(*solids, size=0.0, normals=UP):
    return irradiance(pack(list(solids)), LIGHT, size, FLOOR, normals)


def test_irradiance_falls_with_the_square_of_the_distance_and_the_cosine():
    # cos θ / d² = 2 / d³ at a height of 2.
    assert light_on_floor() == pytest.approx([2 / 2**3, 2 / 5**1.5, 2 / 4.16**1.5])


def test_a_large_lamp_does_not_burn_out_what_is_near():
    assert light_on_floor(size=1.0)[0] == pytest.approx(1 / 5)


def test_a_box_casts_a_shadow_of_known_width():
    # At a height of 1, half way to the light, a half width of 0.15 shades 0.3 of the floor.
    box = solid(centre=(2.0, 3.0, 0.95), half=(0.15, 0.15, 0.05))
    lit = light_on_floor(box) > 0
    assert lit.tolist() == [False, True, True]
    wider = solid(centre=(2.0, 3.0, 0.95), half=(0.25, 0.25, 0.05))
    assert (light_on_floor(wider) > 0).tolist() == [False, True, False]


def test_what_glows_casts_no_shadow():
    shade = solid(centre=(2.0, 3.0, 1.9), half=(0.3, 0.3, 0.05))
    glowing = shade._replace(material=shade.material._replace(glow=1.0))
    assert np.all(light_on_floor(shade) == 0)
    assert np.all(light_on_floor(glowing) > 0)


def test_what_is_behind_the_surface_casts_no_shadow_on_it():
    below = solid(centre=(2.0, 3.0, -0.5), half=(1.5, 1.5, 0.4))
    assert np.all(light_on_floor(below) == light_on_floor())


def test_surfaces_that_face_away_are_dark():
    assert np.all(light_on_floor(normals=-UP) == 0)


def test_a_surface_does_not_shade_itself():
    ball = pack([solid(Shape.ball, (2.0, 3.0, 1.0))])
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(200, 3))
    normals[:, 2] = np.abs(normals[:, 2]) + 2.0
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = np.array([2.0, 3.0, 1.0]) + 0.5 * normals
    assert np.all(irradiance(ball, np.array([2.0, 3.0, 2.9]), 0.0, points, normals) > 0)
