from pathlib import Path

import numpy as np
import pytest
import yaml

from fedmtl.data import SOURCES, Folder
from fedmtl.errors import ConfigError, DataError
from tests.data.folders import DEPTHLESS, MANIFEST, SIZE, SPLITS, save

REAL = Path(__file__).parents[3] / "shared" / "data"


def test_it_is_built_by_its_kind(example):
    folder = SOURCES.build("folder", {"path": str(example)}, "data.sources.x")
    assert isinstance(folder, Folder)
    assert folder.channels == 3
    with pytest.raises(ConfigError, match="needs this option"):
        SOURCES.build("folder", {}, "data.sources.x")


def test_splits_tasks_and_sites(example):
    folder = Folder(str(example))
    assert {split: list(folder.ids(split)) for split in SPLITS} == SPLITS
    assert list(folder.ids("test")) == []
    assert set(folder.tasks) == set(MANIFEST["tasks"])
    assert folder.tasks["room_type"].classes == ("kitchen", "office")
    assert folder.site("a/0/left") == "a"
    assert folder.site("0001") == ""


def test_a_sample_has_the_labels_that_were_asked_for_and_exist(example):
    folder = Folder(str(example))
    sample = folder.load("a/0", list(folder.tasks))
    assert sample.image.shape == (*SIZE, 3)
    assert set(sample.labels) == set(folder.tasks)
    assert sample.labels["room_type"] == 0
    np.testing.assert_array_equal(sample.labels["objects"], [1, 0])
    assert sample.labels["light"] == pytest.approx(0.5)
    assert set(folder.load("a/0", ["semseg"]).labels) == {"semseg"}
    assert set(folder.load(DEPTHLESS, list(folder.tasks)).labels) == {"semseg", "room_type", "objects"}


def test_depth_is_stored_in_millimetres(example):
    save(example / "range" / "a/0.png", np.full(SIZE, 1500, dtype=np.uint16))
    np.testing.assert_allclose(Folder(str(example)).load("a/0", ["range"]).labels["range"], 1.5)


def test_another_ignore_index_is_unlabelled(example):
    manifest = yaml.safe_load((example / "dataset.yaml").read_text())
    manifest["tasks"]["semseg"]["ignore_index"] = 2
    (example / "dataset.yaml").write_text(yaml.safe_dump(manifest))
    save(example / "semseg" / "a/0.png", np.tile(np.array([0, 1, 2, 255], np.uint8), (12, 4)))
    label = Folder(str(example)).load("a/0", ["semseg"]).labels["semseg"]
    np.testing.assert_array_equal(label[0, :4], [0, 1, 255, 255])


def test_nothing_is_read_before_it_is_asked_for(example):
    folder = Folder(str(example))
    (example / "labels.csv").unlink()
    (example / "semseg" / "a/0.png").unlink()
    assert set(folder.load("a/0", ["range"]).labels) == {"range"}
    with pytest.raises(DataError, match="there is no such label"):
        folder.load("a/0", ["semseg"])
    with pytest.raises(DataError, match=r"labels\.csv: cannot be read"):
        folder.load("a/0", ["light"])


def test_errors_name_the_file(example):
    folder = Folder(str(example))
    save(example / "semseg" / "a/0.png", np.full(SIZE, 7, np.uint8))
    with pytest.raises(DataError, match=r"semseg/a/0\.png: .*7"):
        folder.load("a/0", ["semseg"])
    save(example / "semseg" / "a/0.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(DataError, match=r"semseg/a/0\.png: is 4x3, its image 16x12"):
        folder.load("a/0", ["semseg"])
    with pytest.raises(DataError, match="did you mean 'semseg'"):
        folder.load("a/0", ["semsge"])


def test_ids_that_leave_the_folder_are_refused(example):
    (example / "train.txt").write_text("../../secret\n")
    with pytest.raises(DataError, match=r"train\.txt: line 1"):
        Folder(str(example)).ids("train")


def test_an_id_with_a_suffix_is_told(example):
    (example / "train.txt").write_text("a/0.png\n")
    with pytest.raises(DataError, match=r"a/0\.png: is there, but ids are names without suffix; write '0'"):
        Folder(str(example)).load("a/0.png", [])


@pytest.fixture
def spectral(tmp_path):
    """Hyperspectral images and a table of labels, with nothing else."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for index in range(4):
        np.save(tmp_path / "images" / f"{index}.npy", rng.random((8, 10, 31)))
    (tmp_path / "dataset.yaml").write_text("tasks: {crop: {kind: classification, classes: [rye, oats]}}")
    (tmp_path / "labels.csv").write_text("id,crop\n0,rye\n1,oats\n2,\n3,rye\n")
    (tmp_path / "train.txt").write_text("0\n1\n2\n")
    (tmp_path / "val.txt").write_text("3\n")
    return Folder(str(tmp_path))


def test_spectral_images_with_a_table_of_labels_are_a_data_set(spectral):
    assert spectral.check() == []
    assert spectral.channels == 31
    assert [spectral.load(str(index), ["crop"]).labels.get("crop") for index in range(4)] == [0, 1, None, 0]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real data sets are not at {REAL}")
@pytest.mark.parametrize(
    ("name", "images", "tasks"),
    [
        ("street", 701, {"semseg", "saliency", "edge"}),
        ("people", 1004, {"human_parts", "saliency", "edge"}),
        ("room", 240, {"depth", "normals"}),
    ],
)
def test_real_folders_are_read_as_they_are(name, images, tasks):
    folder = Folder(str(REAL / name))
    assert set(folder.tasks) == tasks
    ids = [sample_id for split in ("train", "val", "test") for sample_id in folder.ids(split)]
    assert len(ids) == images
    assert folder.channels == 3
    for sample_id in ids[:: images // 5]:
        sample = folder.load(sample_id, list(tasks))
        assert set(sample.labels) == tasks
        assert {label.shape[:2] for label in sample.labels.values()} == {sample.image.shape[:2]}


NEW_TASKS = """
name: rooms
tasks:
  autoencoding: {}
  regions: {}
  scene: {kind: soft_classification, classes: [kitchen, office]}
  vanishing_points: {classes: [back_x, back_y, back_z, right_x, right_y, right_z, up_x, up_y, up_z]}
"""


@pytest.fixture
def rooms(tmp_path):
    """Two images, of which the second has no probabilities and no directions."""
    for index in range(2):
        save(tmp_path / f"images/{index}.png", np.full((*SIZE, 3), 100 + index, np.uint8))
        save(tmp_path / f"regions/{index}.png", np.full(SIZE, [7, 255] * 8, np.uint8))
    (tmp_path / "train.txt").write_text("0\n1\n")
    (tmp_path / "dataset.yaml").write_text(NEW_TASKS)
    axes = ",".join(f"{axis}_{part}" for axis in ("back", "right", "up") for part in "xyz")
    (tmp_path / "labels.csv").write_text(
        f"id,kitchen,office,{axes}\n0,0.25,0.75,0,0,1,1,0,0,0,1,0\n1,,{',' * 9}\n"
    )
    return Folder(str(tmp_path))


def test_an_image_is_its_own_label_and_numbers_stand_in_the_table(rooms):
    assert rooms.check(splits=("train",)) == []
    labels = rooms.load("0", list(rooms.tasks)).labels
    np.testing.assert_allclose(labels["autoencoding"], 100 / 255, rtol=1e-6)
    np.testing.assert_array_equal(labels["regions"][0, :4], [7, -1, 7, -1])
    np.testing.assert_array_equal(labels["scene"], np.float32([0.25, 0.75]))
    np.testing.assert_array_equal(labels["vanishing_points"], [0, 0, 1, 1, 0, 0, 0, 1, 0])
    assert set(rooms.load("1", list(rooms.tasks)).labels) == {"autoencoding", "regions"}
    assert rooms.has_label("1", "autoencoding")
    assert len(set(rooms.files("0", ["autoencoding"]))) == 2  # the image and dataset.yaml


def test_probabilities_that_do_not_add_up_are_told_with_their_row(rooms):
    table = rooms.root / "labels.csv"
    table.write_text(table.read_text().replace("0.75", "0.5"))
    (problem,) = rooms.check(splits=("train",))
    assert str(problem) == f"{table}: row '0': task 'scene': the probabilities add up to 0.75, not to 1"
