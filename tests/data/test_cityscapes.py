import shutil

import numpy as np
import pytest

from fedmtl.data.check import inspect
from fedmtl.data.cityscapes import Cityscapes, part_classes
from fedmtl.data.layouts import open_folder
from fedmtl.errors import DataError
from tests.data.cityscapes_archive import IDS, PARTS, SIZE, write_cityscapes
from tests.data.nyud_archive import put

TASKS = {"semseg", "parts", "depth"}
GONE = 255


@pytest.fixture
def root(tmp_path):
    return write_cityscapes(tmp_path / "data")


def problems(root):
    return [str(problem).removeprefix(f"{root}/") for problem in inspect(Cityscapes(str(root))).problems]


@pytest.mark.parametrize("zipped", [False, True])
def test_packages_are_read_as_they_unpack(tmp_path, zipped):
    source = open_folder(write_cityscapes(tmp_path / "data", zipped=zipped))
    assert isinstance(source, Cityscapes)
    assert source.check() == []
    assert source.layout == "Cityscapes with leftImg8bit, gtFine, gtFinePanopticParts, disparity, camera"
    assert [*source.ids("train"), *source.ids("val")] == list(IDS)
    assert list(source.ids("test")) == []  # whose labels nobody has
    assert [source.site(sample_id) for sample_id in IDS] == ["aachen", "bochum", "munster"]
    sample = source.load(IDS[0], list(source.tasks))
    assert set(sample.labels) == TASKS
    assert sample.image.shape == (*SIZE, 3)


def test_label_ids_become_train_ids(root):
    label = Cityscapes(str(root)).load(IDS[0], ["semseg"]).labels["semseg"][0]
    # fmt: off
    expected = [
        *[GONE] * 7, 0, 1, GONE, GONE, 2, 3, 4, GONE, GONE, GONE, 5, GONE, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        GONE, GONE, 16, 17, 18,
    ]
    # fmt: on
    np.testing.assert_array_equal(label, expected)


def test_parts_are_those_of_classes_without_instances(root):
    label = Cityscapes(str(root)).load(IDS[0], ["parts"]).labels["parts"][0]
    #            no parts: stuff, things, and part 0 ·  head legs · artefact · windows, chassis, lights · arms
    expected = [0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 5, 9, 7, 3]
    np.testing.assert_array_equal(label[: len(PARTS)], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_a_map_without_any_part_is_background(dtype):
    np.testing.assert_array_equal(part_classes(np.full((2, 3), 26, dtype)), np.zeros((2, 3)))


def test_disparity_becomes_metres_by_the_camera(root):
    depth = Cityscapes(str(root)).load(IDS[0], ["depth"]).labels["depth"][0]
    assert depth[0] == 0  # unlabelled, and so is what is beyond 80 m
    assert depth[1] == 0
    np.testing.assert_allclose(depth[2:], 0.25 * 2000 / (4 * np.arange(2, 34)), rtol=1e-5)
    shutil.rmtree(root / "camera")
    usual = Cityscapes(str(root)).load(IDS[0], ["depth"]).labels["depth"][0]
    np.testing.assert_allclose(usual[4], 0.209313 * 2262.52 / 16, rtol=1e-5)


def test_packages_that_are_not_there_are_remarked_and_no_problem(root):
    shutil.rmtree(root / "disparity")
    source = Cityscapes(str(root))
    assert set(source.tasks) == TASKS - {"depth"}
    report = inspect(source)
    assert report.problems == []
    assert [str(remark).removeprefix(f"{root}/") for remark in report.remarks] == [
        "disparity: there is no such folder, so there is no task 'depth'; unpack that part of Cityscapes for it"
    ]
    asked = [str(problem) for problem in source.check(["depth"])]
    assert len(asked) == 1


LOST = {
    "a label": (
        f"gtFine/{IDS[0]}_gtFine_labelIds.png",
        "1 of 2 images of split 'train' has no label of task 'semseg'",
    ),
    "a camera": (
        f"camera/{IDS[2]}_camera.json",
        "1 of 1 images of split 'val' has no label of task 'depth'",
    ),
    "an image": (f"leftImg8bit/{IDS[1]}_leftImg8bit.png", "1 image of split 'train' has nothing but labels"),
}


@pytest.mark.parametrize("lost", LOST)
def test_a_file_lost_from_a_package_that_is_there_is_a_problem(root, lost):
    name, what = LOST[lost]
    (root / name).unlink()
    expected = f"{name}: there is no such file: {what}; unpack Cityscapes again"
    assert expected in problems(root)
    assert expected in [str(problem).removeprefix(f"{root}/") for problem in Cityscapes(str(root)).check()]


def test_a_link_to_nothing_is_no_label(root):
    label = root / f"disparity/{IDS[0]}_disparity.png"
    label.unlink()
    label.symlink_to(root / "gone")
    (found,) = problems(root)
    assert found.startswith(
        f"disparity/{IDS[0]}_disparity.png: is a link to {root}/gone, where nothing is: 1 of 2"
    )


def test_lost_labels_are_told_once_for_each_task_and_split(root):
    for path in root.glob("*/*/*/*_gtFine_labelIds.png"):
        path.unlink()
    (root / f"gtFinePanopticParts/{IDS[1]}_gtFinePanopticParts.tif").unlink()
    report = inspect(Cityscapes(str(root)), most=1)
    found = [str(problem).removeprefix(f"{root}/") for problem in report.problems]
    assert found == [
        f"gtFine/{IDS[0]}_gtFine_labelIds.png: there is no such file: 2 of 2 images of split 'train' have no label of "
        "task 'semseg', this one first; unpack Cityscapes again",
        f"gtFinePanopticParts/{IDS[1]}_gtFinePanopticParts.tif: there is no such file: 1 of 2 images of split 'train' "
        "has no label of task 'parts'; unpack Cityscapes again",
        f"gtFine/{IDS[2]}_gtFine_labelIds.png: there is no such file: 1 of 1 images of split 'val' has no label of "
        "task 'semseg'; unpack Cityscapes again",
    ]
    assert Cityscapes(str(root)).check(["depth"]) == []


def test_an_image_without_a_label_has_the_others(root):
    (root / f"gtFine/{IDS[0]}_gtFine_labelIds.png").unlink()
    source = Cityscapes(str(root))
    assert not source.has_label(IDS[0], "semseg")
    assert set(source.load(IDS[0], ["semseg", "depth"]).labels) == {"depth"}


def test_hidden_files_that_macos_leaves_are_no_images_and_no_labels(root):
    for name in (f"leftImg8bit/{IDS[0]}_leftImg8bit.png", f"gtFine/{IDS[0]}_gtFine_labelIds.png"):
        path = root / name
        (path.parent / f"._{path.name}").write_bytes(b"Mac OS X")
    source = Cityscapes(str(root))
    assert [*source.ids("train"), *source.ids("val")] == list(IDS)
    assert source.check() == []


DAMAGE = {
    "truncated image": (
        lambda root: (root / f"leftImg8bit/{IDS[0]}_leftImg8bit.png").write_bytes(b"\x89PNG"),
        f"leftImg8bit/{IDS[0]}_leftImg8bit.png: cannot be decoded",
    ),
    "truncated parts": (
        lambda root: (root / f"gtFinePanopticParts/{IDS[0]}_gtFinePanopticParts.tif").write_bytes(b"II*\0"),
        f"gtFinePanopticParts/{IDS[0]}_gtFinePanopticParts.tif: cannot be decoded",
    ),
    "wrong size": (
        lambda root: put(root / f"gtFine/{IDS[0]}_gtFine_labelIds.png", np.zeros((6, 8), np.uint8)),
        f"gtFine/{IDS[0]}_gtFine_labelIds.png: is 8x6, its image 34x12",
    ),
    "label beyond the classes": (
        lambda root: put(root / f"gtFine/{IDS[0]}_gtFine_labelIds.png", np.full(SIZE, 34, np.uint8)),
        f"gtFine/{IDS[0]}_gtFine_labelIds.png: has the label 34, but labels are 0 to 33",
    ),
    "disparity of 8 bits": (
        lambda root: put(root / f"disparity/{IDS[0]}_disparity.png", np.ones(SIZE, np.uint8)),
        f"disparity/{IDS[0]}_disparity.png: is uint8 (12, 34), not a disparity of 16 bits a pixel",
    ),
    "no disparity anywhere": (
        lambda root: put(root / f"disparity/{IDS[0]}_disparity.png", np.zeros(SIZE, np.uint16)),
        f"disparity/{IDS[0]}_disparity.png: says nothing in any pixel, so it is damaged; unpack Cityscapes again",
    ),
    "broken camera": (
        lambda root: (root / f"camera/{IDS[0]}_camera.json").write_text('{"extrinsic": {}}'),
        f"camera/{IDS[0]}_camera.json: has no baseline and focal length of a camera",
    ),
    "missing split": (
        lambda root: shutil.rmtree(root / "leftImg8bit/val"),
        "leftImg8bit/val: there is no such split",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    assert any(problem.startswith(expected) for problem in problems(root)), problems(root)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="not laid out like Cityscapes: it has no folder leftImg8bit; unpack the whole"
    ):
        Cityscapes(str(tmp_path)).ids("train")
    with pytest.raises(DataError, match="there is no such folder"):
        Cityscapes(str(tmp_path / "gone")).ids("train")
