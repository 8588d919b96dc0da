from dataclasses import replace

import numpy as np
import pytest

from fedmtl.data.rendering import labels
from fedmtl.data.rendering.sampling import sample
from fedmtl.data.rendering.scene import CLASSES
from fedmtl.data.rendering.style import Style
from fedmtl.data.rendering.view import View, look
from tests.data.rendering.scenes import place, scene

ROOM = scene(place(label="table"), place(label="ornament", vivid=True), place(label="ornament"))


def view_of(surface, depth=None):
    surface = np.array(surface)
    depth = np.ones(surface.shape) if depth is None else np.array(depth)
    shape = (*surface.shape, 3)
    return View(depth.astype(np.float32), np.zeros(shape, np.float32), surface, np.ones(shape, np.float32))


@pytest.fixture(scope="module")
def rendered():
    rooms = [sample(Style.of(0, "1"), np.random.default_rng(seed)) for seed in range(4)]
    return [(room, look(room, camera, (48, 64))) for room, camera in rooms]


def test_semseg_names_surfaces():
    label = labels.semseg(ROOM, view_of([[0, 4, 5], [6, 7, 8]]))
    assert label.dtype == np.uint8
    names = [["wall", "floor", "ceiling"], ["table", "ornament", "ornament"]]
    assert [[CLASSES[index] for index in row] for row in label] == names


def test_saliency_marks_vivid_ornaments_only():
    label = labels.saliency(ROOM, view_of([[0, 6], [7, 8]]))
    assert label.dtype == np.int16
    assert label.tolist() == [[0, 0], [255, 0]]


def test_an_edge_is_one_pixel_on_the_nearer_side():
    view = view_of([[0, 0, 7, 7, 0]], [[3, 3, 2, 2, 3]])
    assert labels.edges(ROOM, view).tolist() == [[0, 0, 255, 255, 0]]
    view = view_of([[0], [4], [4]], [[3], [4], [4]])
    assert labels.edges(ROOM, view).tolist() == [[255], [0], [0]]


def test_two_parts_of_one_thing_have_no_edge_between_them():
    same = replace(ROOM, instance=np.array([0, 1, 2, 3, 4, 5, 6, 6, 7]))
    assert not labels.edges(same, view_of([[6, 7]], [[1, 2]])).any()


def test_edges_lie_on_borders_and_every_border_has_one(rendered):
    for room, view in rendered:
        edge = labels.edges(room, view) > 0
        instance = room.instance[view.surface]
        across = instance[:, 1:] != instance[:, :-1]
        down = instance[1:] != instance[:-1]
        assert np.all((edge[:, 1:] | edge[:, :-1])[across])
        assert np.all((edge[1:] | edge[:-1])[down])
        beside = np.zeros_like(edge)
        beside[:, 1:] |= across
        beside[:, :-1] |= across
        beside[1:] |= down
        beside[:-1] |= down
        assert not np.any(edge & ~beside)
        assert 0.01 < edge.mean() < 0.2


def test_edges_of_the_mirrored_view_are_mirrored_edges(rendered):
    for room, view in rendered:
        mirrored = replace(view, depth=view.depth[:, ::-1], surface=view.surface[:, ::-1])
        differ = labels.edges(room, mirrored)[:, ::-1] != labels.edges(room, view)
        assert differ.mean() < 1e-3


def test_objects_need_enough_pixels():
    surface = np.zeros((30, 40), dtype=np.int64)
    surface[0, :3] = 6
    surface[1, :4] = 8
    present = labels.objects(ROOM, view_of(surface))
    assert present.dtype == np.float32
    assert [name for name, seen in zip(labels.OBJECTS, present, strict=True) if seen] == ["ornament"]


def test_measures_are_mean_depth_and_mean_luminance():
    view = view_of([[0, 0]], [[1.0, 4.0]])
    green = replace(view, radiance=view.radiance * np.array([0.0, 0.5, 0.0], dtype=np.float32))
    assert labels.measures(green) == pytest.approx([2.5, 0.5 * 0.7152])
    assert labels.measures(view) == pytest.approx([2.5, 1.0])
