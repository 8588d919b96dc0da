import numpy as np
import pytest
from typer.testing import CliRunner

from fedmtl.cli.data import app
from fedmtl.data import SOURCES
from fedmtl.data.check import inspect
from fedmtl.data.nyud import Nyud
from fedmtl.errors import ConfigError, DataError
from tests.data.nyud_archive import LAYOUTS, SIZE, SPLITS, put, write_nyud

TASKS = {"semseg", "depth", "normals", "edge"}
NAMES = {
    "NYUDv2": "NYUDv2 (ATRC, InvPT)",
    "NYUD_MT": "NYUD_MT (MTI-Net)",
    "NYUD_MT of ASTMT": "NYUD_MT (ASTMT)",
}


@pytest.fixture
def root(tmp_path):
    return write_nyud(tmp_path / "data")


def problems(root):
    return [str(problem).removeprefix(f"{root}/") for problem in inspect(Nyud(str(root))).problems]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_either_archive_is_read_as_it_lies(tmp_path, layout):
    source = Nyud(str(write_nyud(tmp_path / "data", layout)))
    assert source.check() == []
    assert source.layout == f"NYUD-v2 in the layout of {NAMES[layout]}"
    assert {split: list(source.ids(split)) for split in SPLITS} == SPLITS
    assert list(source.ids("test")) == []
    sample = source.load("0002", list(source.tasks))
    assert sample.image.shape == (*SIZE, 3)
    assert set(sample.labels) == TASKS
    np.testing.assert_array_equal(sample.labels["semseg"][3], [*range(15), 255])
    np.testing.assert_allclose(sample.labels["depth"][3], [*np.arange(1, 16) / 4, 0])
    np.testing.assert_array_equal(sample.labels["edge"][3], np.where(np.arange(16) == 3, 255, 0))
    expected = np.broadcast_to([-0.6, 0, 0.8], (*SIZE, 3))
    np.testing.assert_allclose(sample.labels["normals"], expected, atol=0.03 if "ASTMT" in layout else 0.01)
    np.testing.assert_allclose(np.linalg.norm(sample.labels["normals"], axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_known_by_files_that_the_lists_name(tmp_path, layout):
    root = write_nyud(tmp_path / "data", layout)
    for folder in ("images", "segmentation"):
        for stray in (".DS_Store", "0000.jpg", "0000.png", "0000.mat"):
            (root / folder / stray).touch()
    (root / "images/0001").with_suffix(LAYOUTS[layout][0]).unlink()
    assert NAMES[layout] in Nyud(str(root)).layout


def test_without_class_maps_it_may_be_either_of_one_name(tmp_path):
    root = write_nyud(tmp_path / "data", "NYUD_MT")
    move_away(root / "segmentation")
    assert Nyud(str(root)).layout.endswith("NYUD_MT (ASTMT or MTI-Net)")


def test_forty_classes_and_no_sites(root):
    source = SOURCES.build("nyud", {"path": str(root)}, "data.sources.x")
    assert len(source.tasks["semseg"].classes) == 40
    assert source.channels == 3
    assert source.site("0001") == ""


def test_grey_zero_and_non_finite_normals_are_none(root):
    raw = np.full((*SIZE, 3), 127, np.uint8)
    raw[0], raw[1] = 0, (255, 127, 127)
    put(root / "normals/0001.png", raw)
    label = Nyud(str(root)).load("0001", ["normals"]).labels["normals"]
    np.testing.assert_array_equal(np.delete(label, 1, axis=0), 0)
    np.testing.assert_allclose(label[1, :, 0], 1, atol=1e-4)
    (root / "normals/0001.png").unlink()
    put(root / "normals/0001.npy", np.full((*SIZE, 3), np.nan))
    assert not Nyud(str(root)).load("0001", ["normals"]).labels["normals"].any()


def test_depth_that_is_not_finite_is_unlabelled(root):
    depth = np.ones(SIZE)
    depth[0], depth[1], depth[2] = np.nan, np.inf, -1
    put(root / "depth/0001.npy", depth)
    label = Nyud(str(root)).load("0001", ["depth"]).labels["depth"]
    np.testing.assert_array_equal(label[:, 0], [0, 0, 0, *[1] * 9])
    assert label.dtype == np.float32


def move_away(path):
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


DAMAGE = {
    "missing folder": (
        lambda root: move_away(root / "depth"),
        "depth: there is no such folder, so there is no task 'depth'; unpack NYUD-v2 again",
    ),
    "missing image": (
        lambda root: (root / "images/0003.png").unlink(),
        "images/0003: there is no such image (.png, .jpg); unpack NYUD-v2 again",
    ),
    "truncated image": (
        lambda root: (root / "images/0003.png").write_bytes((root / "images/0003.png").read_bytes()[:60]),
        "images/0003.png: cannot be decoded",
    ),
    "truncated label": (
        lambda root: (root / "edge/0001.png").write_bytes((root / "edge/0001.png").read_bytes()[:50]),
        "edge/0001.png: cannot be decoded",
    ),
    "truncated depth": (
        lambda root: (root / "depth/0001.npy").write_bytes((root / "depth/0001.npy").read_bytes()[:300]),
        "depth/0001.npy: cannot be read as a NumPy array",
    ),
    "wrong size": (
        lambda root: put(root / "segmentation/0001.png", np.ones((6, 8), np.uint8)),
        "segmentation/0001.png: is 8x6, its image 16x12",
    ),
    "label beyond the classes": (
        lambda root: put(root / "segmentation/0001.png", np.full(SIZE, 41, np.uint8)),
        "segmentation/0001.png: has the label 41, but labels are 0 to 40, or 255 for unlabelled",
    ),
    "millimetres": (
        lambda root: put(root / "depth/0001.npy", np.full(SIZE, 2500.0)),
        "depth/0001.npy: reaches a depth of 2500 m; it is of another unit",
    ),
    "centimetres": (
        lambda root: put(root / "depth/0001.npy", np.full(SIZE, 350.0)),
        "depth/0001.npy: reaches a depth of 350 m; it is of another unit",
    ),
    "depth that is no number": (
        lambda root: put(root / "depth/0001.npy", np.full(SIZE, np.nan)),
        "depth/0001.npy: says nothing in any pixel, so it is damaged; unpack NYUD-v2 again",
    ),
    "negative depth": (
        lambda root: put(root / "depth/0001.npy", np.full(SIZE, -2.0)),
        "depth/0001.npy: says nothing in any pixel, so it is damaged; unpack NYUD-v2 again",
    ),
    "list of absent files": (
        lambda root: (root / "gt_sets/val.txt").write_text("0003\n0009\n"),
        "edge/0009: there is no such label (.png, .npy); unpack NYUD-v2 again",
    ),
    "missing list": (
        lambda root: (root / "gt_sets/val.txt").unlink(),
        "gt_sets/val.txt: there is no such split",
    ),
    "both archives in one folder": (
        lambda root: write_nyud(root, "NYUD_MT"),
        "normals/0001.png: there is also 0001.npy",
    ),
    "grey normals": (
        lambda root: put(root / "normals/0001.png", np.ones(SIZE, np.uint8)),
        "normals/0001.png: is uint8 (12, 16), not a vector of three a pixel",
    ),
}


def test_normals_of_another_coding_are_found_and_named(tmp_path):
    root = write_nyud(tmp_path / "data", "NYUD_MT")
    put(root / "normals/0001.npy", np.full((*SIZE, 3), 255.0))
    (found,) = problems(root)
    assert found.startswith("normals/0001.npy: has vectors of a length of about 442, not 1")


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named_with_the_way_out(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    assert any(problem.startswith(expected) for problem in problems(root)), problems(root)


def test_a_missing_folder_leaves_the_other_tasks(root):
    move_away(root / "depth")
    source = Nyud(str(root))
    assert set(source.tasks) == TASKS - {"depth"}
    assert source.check(["edge", "normals"]) == []
    counts = {(count.split, count.task): count for count in inspect(source).counts}
    assert (counts["train", "depth"].labelled, counts["train", "depth"].missing) == (0, 2)
    assert counts["train", "edge"].labelled == 2


def test_a_link_to_nothing_is_told_as_such(root):
    move_away(root / "edge")
    (root / "edge").symlink_to(root / "gone")
    assert (
        f"edge: is a link to {root}/gone, where nothing is, so there is no task 'edge'; unpack NYUD-v2 again"
        in (problems(root))
    )


def test_a_run_decodes_some_and_looks_for_all(root, monkeypatch):
    monkeypatch.setattr(Nyud, "most_decoded", 1)
    (root / "edge/0003.png").write_bytes(b"")
    assert Nyud(str(root)).check() == []
    (root / "edge/0003.png").unlink()
    assert [problem.path for problem in Nyud(str(root)).check()] == [f"{root}/edge/0003"]


def test_tasks_can_have_other_names(root):
    source = SOURCES.build("nyud", {"path": str(root), "names": {"semseg": "rooms"}}, "x")
    assert set(source.tasks) == {"rooms", "depth", "normals", "edge"}
    assert source.tasks["rooms"].name == "rooms"
    assert source.load("0001", ["rooms"]).labels["rooms"].max() == 255
    assert source.has_label("0001", "rooms")
    with pytest.raises(DataError, match="no task 'semseg'"):
        source.load("0001", ["semseg"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"semsge": "rooms"}, "names.semsge: NYUD-v2 has no such task; did you mean 'semseg'"),
        ({"semseg": "depth"}, "names.semseg: 'depth' is another task's name as well"),
    ],
)
def test_names_that_cannot_be_are_refused(root, names, message):
    with pytest.raises(ConfigError, match=message):
        SOURCES.build("nyud", {"path": str(root), "names": names}, "x")


def test_the_command_knows_the_layout_and_says_what_is_missing_and_damaged(root):
    move_away(root / "depth")
    (root / "edge/0001.png").write_bytes(b"")
    result = CliRunner().invoke(app, ["check", str(root)])
    assert result.exit_code == 1
    assert "NYUD-v2 in the layout of NYUDv2 (ATRC, InvPT); images are 16x12" in result.output
    rows = [line.replace("│", " ").split() for line in result.output.splitlines()]
    assert ["train", "depth", "2", "0", "2", "0"] in rows
    assert ["train", "edge", "2", "1", "0", "1"] in rows
    assert "2 problems" in result.output
