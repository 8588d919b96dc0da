import json

import numpy as np
import pytest
from scipy.io import savemat

from fedmtl.data.check import inspect
from fedmtl.data.pascal_context import WITH_NORMALS, PascalContext
from fedmtl.errors import DataError
from tests.data.nyud_archive import put, write_nyud
from tests.data.pascal_archive import (
    LAYOUTS,
    PERSONLESS,
    SIZE,
    SPLITS,
    objects,
    rows,
    write_pascal,
)

TASKS = {"semseg", "human_parts", "normals", "saliency", "edge"}
FIRST = SPLITS["train"][0]


@pytest.fixture
def root(tmp_path):
    return write_pascal(tmp_path / "data")


def problems(root):
    return [str(problem).removeprefix(f"{root}/") for problem in inspect(PascalContext(str(root))).problems]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_either_archive_is_read_as_it_lies(tmp_path, layout):
    source = PascalContext(str(write_pascal(tmp_path / "data", layout)))
    assert source.check() == []
    assert f"layout of {layout} " in source.layout
    assert {split: list(source.ids(split)) for split in SPLITS} == SPLITS
    sample = source.load(FIRST, list(source.tasks))
    assert set(sample.labels) == TASKS
    assert sample.image.shape == (*SIZE, 3)
    np.testing.assert_array_equal(sample.labels["semseg"][0], [*range(15), 255])
    np.testing.assert_array_equal(sample.labels["saliency"][0], [*[0] * 8, *[255] * 8])  # 17 · 8 / 255 > 0.5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_normals_are_known_where_nyu_has_the_label_too_and_on_monitors(tmp_path, layout):
    source = PascalContext(str(write_pascal(tmp_path / "data", layout)))
    label = source.load(FIRST, ["normals"]).labels["normals"]
    known = label.any(axis=2)
    expected = np.ones(SIZE, bool)
    expected[:9, 8:] = False  # the sky
    np.testing.assert_array_equal(known, expected)
    np.testing.assert_allclose(label[known], np.broadcast_to([1, 0, 0], (known.sum(), 3)), atol=0.005)


def test_labels_with_normals_are_those_of_the_json_files_if_there_are_any(root):
    (root / "json/nyu_classes.json").write_text(json.dumps({"sky": 1}))
    known = PascalContext(str(root)).load(FIRST, ["normals"]).labels["normals"].any(axis=2)
    assert known[0, 8:].all()
    assert not known[0, :8].any()
    assert known[9:].all()
    assert len(WITH_NORMALS) == len(set(WITH_NORMALS)) == 170
    assert 431 not in WITH_NORMALS  # unknown


def test_hidden_files_beside_the_json_files_make_no_label(root):
    before = PascalContext(str(root)).files(FIRST, ["normals"])
    (root / "json/._nyu_classes.json").write_bytes(b"Mac OS X")
    assert PascalContext(str(root)).files(FIRST, ["normals"]) == before


def test_parts_are_those_of_all_persons_and_of_nobody_else(root):
    label = PascalContext(str(root)).load(FIRST, ["human_parts"]).labels["human_parts"]
    np.testing.assert_array_equal(label[:, 0], [1, 1, 2, 2, 2, 2, 4, 3, 5, 0, 6, 6])
    assert label.dtype == np.uint8


def test_an_image_without_a_person_is_wholly_ignored(root):
    source = PascalContext(str(root))
    assert (source.load(PERSONLESS, ["human_parts"]).labels["human_parts"] == 255).all()
    assert source.has_label(FIRST, "human_parts")
    assert not source.has_label(PERSONLESS, "human_parts")
    for unknown in (PERSONLESS, f'{{"{PERSONLESS}": 15}}', "[]"):
        (root / "ImageSets/Parts/train.txt").write_text(unknown)
        assert PascalContext(str(root)).has_label(PERSONLESS, "human_parts")  # as far as is known
    counts = {(count.split, count.task): count for count in inspect(source).counts}
    assert counts["train", "human_parts"].labelled == 1
    assert counts["train", "human_parts"].missing == 0


def test_edges_are_thin_borders_of_labels(root):
    label = PascalContext(str(root)).load(FIRST, ["edge"]).labels["edge"]
    assert set(np.unique(label)) == {0, 255}
    on = label > 0
    assert on[1:7, 7:9].any(axis=1).all()  # along the border between wall and sky …
    assert (on[1:7].sum(axis=1) == 1).all()  # … one pixel wide
    assert on[8:10, :14].any(axis=0).all()
    assert not on[:, :6][:7].any()


DAMAGE = {
    "missing folder": (
        lambda root: (root / "sal_distill").rename(root / "sal"),
        "sal_distill: there is no such folder, so there is no task 'saliency'; unpack PASCAL-Context again",
    ),
    "missing semseg": (
        lambda root: (root / f"semseg/VOC12/{FIRST}.png").unlink(),
        f"semseg/VOC12/{FIRST}.png: there is no such label, and none in semseg/pascal-context; unpack",
    ),
    "truncated png": (
        lambda root: (root / f"sal_distill/{FIRST}.png").write_bytes(b"\x89PNG\r\n\x1a\n"),
        f"sal_distill/{FIRST}.png: cannot be decoded",
    ),
    "truncated mat": (
        lambda root: (root / f"human_parts/{FIRST}.mat").write_bytes(
            (root / f"human_parts/{FIRST}.mat").read_bytes()[:400]
        ),
        f"human_parts/{FIRST}.mat: cannot be read as a MATLAB file",
    ),
    "empty mat": (
        lambda root: (root / f"pascal-context/trainval/{FIRST}.mat").write_bytes(b""),
        f"pascal-context/trainval/{FIRST}.mat: cannot be read as a MATLAB file",
    ),
    "another variable": (
        lambda root: savemat(root / f"pascal-context/trainval/{FIRST}.mat", {"map": np.ones(SIZE)}),
        f"pascal-context/trainval/{FIRST}.mat: has no variable 'LabelMap'",
    ),
    "no annotation of parts": (
        lambda root: savemat(root / f"human_parts/{FIRST}.mat", {"anno": np.ones((2, 2))}),
        f"human_parts/{FIRST}.mat: has not the structure of PASCAL-Part's annotations",
    ),
    "unknown part": (
        lambda root: savemat(
            root / f"human_parts/{FIRST}.mat", {"anno": objects((15, [("wing", rows(0, 2))]))}
        ),
        f"human_parts/{FIRST}.mat: has a part of a person that is called 'wing'",
    ),
    "wrong size": (
        lambda root: put(root / f"semseg/VOC12/{FIRST}.png", np.zeros((6, 8), np.uint8)),
        f"semseg/VOC12/{FIRST}.png: is 8x6, its image 16x12",
    ),
    "normals of another size": (
        lambda root: put(root / f"normals_distill/{FIRST}.png", np.zeros((6, 8, 3), np.uint8)),
        f"normals_distill/{FIRST}.png: has the shape (6, 8), its label map (12, 16)",
    ),
    "label beyond the classes": (
        lambda root: put(root / f"semseg/VOC12/{FIRST}.png", np.full(SIZE, 21, np.uint8)),
        f"semseg/VOC12/{FIRST}.png: has the label 21, but labels are 0 to 20",
    ),
    "list of absent files": (
        lambda root: (root / "ImageSets/Context/val.txt").write_text("2008_000009"),
        "JPEGImages/2008_000009: there is no such image (.jpg); unpack PASCAL-Context again",
    ),
    "broken json": (
        lambda root: (root / "json/nyu_classes.json").write_text("{"),
        "json/nyu_classes.json: cannot be read as JSON",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named_with_the_way_out(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    assert any(problem.startswith(expected) for problem in problems(root)), problems(root)


def test_an_annotation_without_any_object_is_unlabelled(root):
    savemat(root / f"human_parts/{FIRST}.mat", {"anno": objects()})
    label = PascalContext(str(root)).load(FIRST, ["human_parts"]).labels["human_parts"]
    np.testing.assert_array_equal(label, np.full(SIZE, 255))


def test_the_other_data_set_is_recognised(tmp_path):
    nyud = write_nyud(tmp_path / "nyud")
    for look in (lambda: PascalContext(str(nyud)).tasks, lambda: PascalContext(str(nyud)).check()):
        with pytest.raises(DataError, match="no folder JPEGImages; use `kind: nyud`, whose layout it has"):
            look()
    write_pascal(tmp_path / "inner" / "PASCALContext")
    with pytest.raises(
        DataError, match=r"did you mean .*PASCALContext, which has that of `kind: pascal-context`"
    ):
        PascalContext(str(tmp_path / "inner")).ids("train")
