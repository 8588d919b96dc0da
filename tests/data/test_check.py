import numpy as np
import pytest
import yaml

from fedmtl.data import Folder
from fedmtl.data.check import Count, inspect
from fedmtl.errors import DataError
from tests.data.folders import SIZE, SPLITS, save


def problems(root, **options):
    return [str(problem).removeprefix(f"{root}/") for problem in Folder(str(root)).check(**options)]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def truncate(path):
    path.write_bytes(path.read_bytes()[:60])


def as_array(path, array):
    path.unlink()
    np.save(path.with_suffix(".npy"), array)


BLACK = np.zeros(SIZE, np.uint8)
DAMAGE = {
    "missing image": (lambda root: (root / "images/a/0.png").unlink(), "images/a/0: there is no such image"),
    "truncated image": (lambda root: truncate(root / "images/a/0.png"), "images/a/0.png: cannot be decoded"),
    "two images": (lambda root: save(root / "images/a/0.jpg", BLACK), "images/a/0.jpg: there is also 0.png"),
    "image of noise": (
        lambda root: as_array(root / "images/a/0.png", np.full((*SIZE, 3), np.inf)),
        "images/a/0.npy: has pixels that are not finite",
    ),
    "grey image": (
        lambda root: save(root / "images/a/0.png", BLACK),
        "images/a/0.png: number of channels is 1, of most images 3",
    ),
    "missing label": (
        lambda root: (root / "semseg/b/0.png").unlink(),
        "semseg/b/0.png: there is no such label",
    ),
    "truncated label": (lambda root: truncate(root / "semseg/b/0.png"), "semseg/b/0.png: cannot be decoded"),
    "label of another size": (
        lambda root: save(root / "semseg/b/0.png", BLACK[:, :8]),
        "semseg/b/0.png: is 8x12, its image 16x12",
    ),
    "class out of range": (lambda root: save(root / "semseg/b/0.png", BLACK + 3), "semseg/b/0.png: "),
    "label in colour": (
        lambda root: save(root / "semseg/b/0.png", np.zeros((*SIZE, 3), np.uint8)),
        "semseg/b/0.png: ",
    ),
    "depth of 8 bits": (lambda root: save(root / "range/b/0.png", BLACK), "range/b/0.png: "),
    "missing split": (lambda root: (root / "val.txt").unlink(), "val.txt: there is no such split"),
    "empty split": (lambda root: (root / "val.txt").write_text("\n"), "val.txt: names no image"),
    "duplicate id": (
        lambda root: edit(root / "train.txt", "a/1", "a/0\na/1"),
        "train.txt: line 2: 'a/0' is there twice",
    ),
    "id out of the folder": (
        lambda root: edit(root / "train.txt", "a/0", "/a/0"),
        "train.txt: line 1: '/a/0' must",
    ),
    "leak": (lambda root: edit(root / "val.txt", "b/1", "b/1\na/0"), "val.txt: 'a/0' is also in train.txt"),
    "leaks": (
        lambda root: edit(root / "val.txt", "b/1", "b/1\na/1\na/0"),
        "val.txt: 'a/0' and 1 more are also in",
    ),
    "leak into test": (
        lambda root: (root / "test.txt").write_text("a/0"),
        "test.txt: 'a/0' is also in train.txt",
    ),
    "missing table": (lambda root: (root / "labels.csv").unlink(), "labels.csv: cannot be read"),
    "missing column": (
        lambda root: edit(root / "labels.csv", "lamp", "lmap"),
        "labels.csv: there is no column 'lamp'",
    ),
    "missing row": (
        lambda root: edit(root / "labels.csv", "a/1,1,0,1,\n", ""),
        "labels.csv: there is no row 'a/1'",
    ),
    "unknown id": (
        lambda root: edit(root / "labels.csv", "a/1", "c/1"),
        "labels.csv: row 'c/1' is in no split",
    ),
    "bad number": (lambda root: edit(root / "labels.csv", "0.5", "0,5"), "labels.csv: row 2 has 6 cells"),
    "bad class": (
        lambda root: edit(root / "labels.csv", "office", "attic"),
        "labels.csv: row 'b/0', column 'room_type'",
    ),
    "class index out of range": (
        lambda root: edit(root / "labels.csv", "a/1,1", "a/1,2"),
        "labels.csv: row 'a/1': ",
    ),
    "no label at all": (
        lambda root: save(root / "semseg/b/1.png", BLACK + 255),
        "val.txt: no image has a labelled value of task 'semseg'",
    ),
}


def test_a_sound_folder_has_no_problems(example):
    assert problems(example) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(example, damage):
    break_it, expected = DAMAGE[damage]
    break_it(example)
    assert any(problem.startswith(expected) for problem in problems(example)), problems(example)


def test_every_damaged_file_is_named_once(example):
    truncate(example / "images/a/0.png")
    truncate(example / "semseg/a/1.png")
    save(example / "semseg/b/0.png", BLACK + 9)
    (example / "test.txt").write_text("b/1")
    found = problems(example)
    assert [problem.partition(":")[0] for problem in found] == [
        "test.txt",
        "images/a/0.png",
        "semseg/a/1.png",
        "semseg/b/0.png",
    ]


def test_only_what_was_asked_for_is_checked(example):
    truncate(example / "semseg/b/0.png")
    (example / "labels.csv").unlink()
    (example / "val.txt").unlink()
    assert problems(example, tasks=["range"], splits=("train",)) == []


def test_a_partial_task_may_lack_labels_but_not_all_of_them(example):
    for sample_id in SPLITS["val"]:
        (example / "range" / f"{sample_id}.png").unlink()
    assert problems(example) == ["val.txt: no image has a labelled value of task 'range'"]


def test_a_partial_image_level_task_may_lack_rows(example):
    edit(example / "labels.csv", "a/1,1,0,1,\n", "")
    manifest = yaml.safe_load((example / "dataset.yaml").read_text())
    for task in ("room_type", "objects", "light"):
        manifest["tasks"][task]["partial"] = True
    (example / "dataset.yaml").write_text(yaml.safe_dump(manifest))
    assert problems(example) == []


def test_images_are_counted_by_what_became_of_their_label(example):
    truncate(example / "images/a/0.png")
    save(example / "semseg/b/0.png", BLACK + 255)
    counts = {(count.split, count.task): count for count in inspect(Folder(str(example))).counts}
    assert counts["train", "semseg"] == Count("train", "semseg", images=3, labelled=1, missing=0, damaged=1)
    assert counts["train", "range"] == Count("train", "range", images=3, labelled=1, missing=1, damaged=1)
    assert counts["train", "light"] == Count("train", "light", images=3, labelled=1, missing=1, damaged=1)
    assert counts["val", "objects"] == Count("val", "objects", images=1, labelled=1, missing=0, damaged=0)


def test_of_many_images_some_are_enough(example):
    for sample_id in SPLITS["val"]:
        (example / "range" / f"{sample_id}.png").unlink()

    def look(most):
        report = inspect(Folder(str(example)), ["range"], most=most)
        return len(report.problems), {count.split: count.images for count in report.counts}

    assert look(4) == look(9) == (1, {"train": 3, "val": 1})
    assert look(2) == (0, {"train": 2, "val": 0})  # a task may have labels where nobody looked


@pytest.mark.parametrize("sides", [["left_leg"], ["left_leg", "right_leg"]])
def test_a_part_of_one_side_alone_is_remarked(example, sides):
    manifest = yaml.safe_load((example / "dataset.yaml").read_text())
    manifest["tasks"]["semseg"] = {"kind": "human_parts", "classes": ["background", "torso", *sides, "head"]}
    (example / "dataset.yaml").write_text(yaml.safe_dump(manifest))
    report = inspect(Folder(str(example)))
    assert report.problems == []
    expected = (
        f"{example}: class 'left_leg' of task 'semseg' has no class 'right_leg' to change places with in a mirrored "
        "image; name both sides alike, or set data.augment.flip=false"
    )
    assert [str(remark) for remark in report.remarks] == [expected] * (len(sides) == 1)


def test_an_unknown_task_or_a_broken_manifest_ends_the_check(example):
    with pytest.raises(DataError, match="did you mean 'light'"):
        problems(example, tasks=["ligth"])
    (example / "dataset.yaml").unlink()
    with pytest.raises(DataError, match="not a data-set folder"):
        problems(example)
