import numpy as np

from fedmtl.data import Folder
from fedmtl.data.finding import Finding, State, inspect_sample
from tests.data.folders import DEPTHLESS, SIZE, save

TASKS = ["semseg", "range", "light"]


def test_a_sound_sample(example):
    labelled = dict.fromkeys(TASKS, State.labelled)
    assert inspect_sample(Folder(str(example)), "a/0", TASKS) == Finding(labelled, [], channels=3, size=SIZE)


def test_labels_that_may_be_missing_are_no_problem(example):
    states = {"semseg": State.labelled, "range": State.missing, "light": State.missing}
    assert inspect_sample(Folder(str(example)), DEPTHLESS, TASKS) == Finding(
        states, [], channels=3, size=SIZE
    )


def test_each_label_is_judged_by_itself(example):
    save(example / "semseg/a/0.png", np.full(SIZE, 255, np.uint8))
    (example / "range/a/0.png").write_bytes(b"")
    finding = inspect_sample(Folder(str(example)), "a/0", TASKS)
    assert finding.states == {"semseg": State.unlabelled, "range": State.damaged, "light": State.labelled}
    assert [problem.path for problem in finding.problems] == [f"{example}/range/a/0.png"]


def test_labels_of_a_damaged_image_are_looked_at_but_do_not_count(example):
    (example / "images/a/0.png").write_bytes(b"")
    (example / "semseg/a/0.png").unlink()
    finding = inspect_sample(Folder(str(example)), "a/0", TASKS)
    assert finding.states == {"semseg": State.missing, "range": State.damaged, "light": State.damaged}
    assert [problem.path for problem in finding.problems] == [
        f"{example}/images/a/0.png",
        f"{example}/semseg/a/0.png",
    ]
    assert (finding.channels, finding.size) == (None, None)
