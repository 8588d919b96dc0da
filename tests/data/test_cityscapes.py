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


def test_an_image_may_lack_a_label(root):
    (root / f"gtFine/{IDS[0]}_gtFine_labelIds.png").unlink()
    source = Cityscapes(str(root))
    assert source.check() == []
    assert not source.has_label(IDS[0], "semseg")
    assert set(source.load(IDS[0], ["semseg", "depth"]).labels) == {"depth"}


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
