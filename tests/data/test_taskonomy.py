import shutil

import numpy as np
import pytest

from fedmtl.config import ClientConfig, DataConfig, PartitionConfig, PartitionKind
from fedmtl.data import Folder, partition, write_folder
from fedmtl.data.check import inspect
from fedmtl.data.layouts import open_folder
from fedmtl.data.taskonomy import Taskonomy
from fedmtl.data.taskonomy_buildings import TINY
from fedmtl.errors import DataError
from tests.data.nyud_archive import put
from tests.data.taskonomy_archive import (
    BUILDINGS,
    CAMERA,
    OBJECTS,
    PATTERNS,
    POINTS,
    ROW,
    SCENES,
    SIZE,
    TASKS,
    put_camera,
    write_taskonomy,
)

FIRST = f"{BUILDINGS['train']}/{POINTS[0]}"


@pytest.fixture
def root(tmp_path):
    return write_taskonomy(tmp_path / "data")


def problems(root):
    return [str(problem).removeprefix(f"{root}/") for problem in inspect(Taskonomy(str(root))).problems]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("underscores", [True, False])
def test_each_layout_is_read_as_it_lies(tmp_path, pattern, underscores):
    source = open_folder(write_taskonomy(tmp_path / "data", pattern, underscores=underscores))
    assert isinstance(source, Taskonomy)
    report = inspect(source)
    assert report.problems == []
    assert [remark.path for remark in report.remarks] == [source.path]  # buildings; no file is missed
    assert pattern.format(domain="<task>", building="<building>") in source.layout
    for split, building in BUILDINGS.items():
        assert list(source.ids(split)) == [f"{building}/{point}" for point in POINTS]
    assert source.site(FIRST) == "allensville"
    sample = source.load(FIRST, list(source.tasks))
    assert set(sample.labels) == set(TASKS)
    assert sample.image.shape == (*SIZE, 3)


def test_labels_are_in_the_encodings_of_their_kinds(root):
    sample = Taskonomy(str(root)).load(FIRST, list(TASKS))
    labels = sample.labels
    np.testing.assert_array_equal(labels["segment_semantic"][0], [255, 0, 1, 16, 4, 4, 4, 4])
    np.testing.assert_array_equal(labels["depth_euclidean"][0], [1, 2, 0, 0, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(labels["normal"][0, 0], [1, 0, 0], atol=0.005)
    np.testing.assert_array_equal(labels["normal"][0, 7], 0)  # grey
    np.testing.assert_allclose(
        labels["edge_texture"][0, :, 0], np.minimum(ROW * 1000 / (0.08 * 2**16), 1), rtol=1e-5
    )
    np.testing.assert_allclose(labels["keypoints3d"][0, :, 0], ROW / 8, rtol=1e-5)
    np.testing.assert_allclose(labels["reshading"][0, :, 0], ROW * 36 / 255, rtol=1e-5)
    np.testing.assert_allclose(labels["principal_curvature"][0, :, 0], ROW * 36 / 255, rtol=1e-5)
    np.testing.assert_allclose(labels["principal_curvature"][0, :, 1], 127 / 255, rtol=1e-5)
    np.testing.assert_allclose(labels["autoencoding"], sample.image / 255, rtol=1e-6)
    np.testing.assert_array_equal(labels["segment_unsup2d"][0], [0, 0, 85, 85, 255, 255, 170, 170])
    np.testing.assert_array_equal(labels["segment_unsup25d"][:, 0], [0, 0, 0, 0, 255, 255, 255, 255])
    likely = np.exp(OBJECTS[0].astype(float))
    np.testing.assert_allclose(labels["class_object"], likely / likely.sum(), rtol=1e-5)
    np.testing.assert_allclose(labels["class_scene"], SCENES, rtol=1e-5)
    source = Taskonomy(str(root))
    for name, label in labels.items():
        unlabelled = source.kind(name).unlabelled(SIZE)
        assert (label.shape, label.dtype) == (unlabelled.shape, unlabelled.dtype), name


def test_buildings_are_the_sites_that_clients_divide(root):
    clients = {name: ClientConfig(source="homes") for name in ("a", "b")}
    config = DataConfig(partition=PartitionConfig(PartitionKind.site))
    shutil.copytree(root / "rgb/allensville", root / "rgb/beechwood")
    shutil.copytree(root / "rgb/corozal", root / "rgb/darden")
    source = Taskonomy(str(root))
    shares = partition({"homes": source}, config, clients, seed=0)
    sites = [{source.site(each) for each in share.train} for share in shares.values()]
    assert len(sites[0]) == len(sites[1]) == 1
    assert sites[0] != sites[1]


def test_the_tiny_split_is_known():
    assert {split: len(names.split()) for split, names in TINY.items()} == {"train": 25, "val": 5, "test": 5}


def write_list(path, **split_of):
    lines = [
        f"{building},{','.join(str(int(split == each)) for each in BUILDINGS)}"
        for building, split in split_of.items()
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["id,train,val,test", *lines]) + "\n")


def test_a_list_beside_the_images_counts_the_smallest_that_has_all_buildings(root):
    write_list(root / "splits_taskonomy/train_val_test_tiny.csv", allensville="train")
    write_list(
        root / "splits_taskonomy/train_val_test_medium.csv",
        allensville="val",
        corozal="train",
        uvalda="train",
    )
    write_list(
        root / "splits_taskonomy/train_val_test_full.csv", allensville="test", corozal="val", uvalda="train"
    )
    source = Taskonomy(str(root))
    assert {each.partition("/")[0] for each in source.ids("train")} == {"corozal", "uvalda"}
    assert "split by train_val_test_medium.csv" in source.layout
    assert list(source.ids("test")) == []


def test_a_building_in_no_split_is_told_with_the_way_out(root):
    shutil.copytree(root / "rgb/uvalda", root / "rgb/wando")
    (found,) = problems(root)
    assert found.startswith(
        "rgb/wando: is in no split of Taskonomy's tiny split; put train_val_test_fullplus.csv"
    )


def test_buildings_and_tasks_that_are_not_there_are_remarked(root):
    shutil.rmtree(root / "keypoints2d")
    report = inspect(Taskonomy(str(root)))
    assert report.problems == []
    remarks = [str(remark) for remark in report.remarks]
    assert any(
        "has 3 of the 35 buildings of Taskonomy's tiny split; not beechwood, benevolence" in each
        for each in remarks
    )
    assert any("so there is no task 'keypoints2d'" in each for each in remarks)
    assert "keypoints2d" not in Taskonomy(str(root)).tasks


def test_a_label_may_be_missing(root):
    (root / f"normal/{FIRST}_domain_normal.png").unlink()
    source = Taskonomy(str(root))
    assert source.check() == []
    assert not source.has_label(FIRST, "normal")
    counts = {(count.split, count.task): count for count in inspect(source).counts}
    assert counts["train", "normal"].missing == 1


def gaps(root, **options):
    report = inspect(Taskonomy(str(root)), **options)
    assert report.problems == []
    return [
        str(remark).removeprefix(f"{root}/") for remark in report.remarks if "there is no such" in remark.what
    ]


def test_labels_that_are_missing_are_remarked_for_each_task_and_split(root):
    (root / f"normal/{FIRST}_domain_normal.png").unlink()
    (root / f"point_info/{FIRST}_domain_fixatedpose.json").unlink()
    shutil.rmtree(root / "reshading/uvalda")
    assert gaps(root, most=1) == [
        f"normal/{FIRST}_domain_normal.png: there is no such file: 1 of 2 images of split 'train' has no label of task "
        "'normal'",
        f"point_info/{FIRST}_domain_fixatedpose.json: there is no such file: 1 of 2 images of split 'train' has no "
        "label of task 'room_layout'",
        f"point_info/{FIRST}_domain_fixatedpose.json: there is no such file: 1 of 2 images of split 'train' has no "
        "label of task 'vanishing_points'",
        f"reshading/uvalda/{POINTS[0]}_domain_reshading.png: there is no such file: 2 of 2 images of split 'test' have "
        "no label of task 'reshading', this one first",
    ]
    assert gaps(root, most=1, remark=False) == []


def test_an_image_that_is_missing_while_its_labels_are_there_is_remarked(root):
    (root / f"rgb/{FIRST}_domain_rgb.png").unlink()
    assert gaps(root) == [
        f"rgb/{FIRST}_domain_rgb.png: there is no such file: 1 image of split 'train' has nothing but labels"
    ]


def test_hidden_folders_and_files_are_no_buildings_and_no_images(root):
    shutil.copytree(root / "rgb/allensville", root / "rgb/.ipynb_checkpoints")
    (root / f"rgb/allensville/._{POINTS[0]}_domain_rgb.png").write_bytes(b"Mac OS X")
    assert problems(root) == []
    assert list(Taskonomy(str(root)).ids("train")) == [f"allensville/{point}" for point in POINTS]


def test_it_can_be_written_as_a_folder(root, tmp_path):
    source = Taskonomy(str(root))
    write_folder(source, tmp_path / "folder")
    folder = Folder(str(tmp_path / "folder"))
    assert folder.check() == []
    assert not (tmp_path / "folder/autoencoding").exists()
    before, after = (each.load(FIRST, list(TASKS)).labels for each in (source, folder))
    steps = {"normal": 0.01, "principal_curvature": 0.002, "reshading": 1e-4}
    for name, label in before.items():
        np.testing.assert_allclose(after[name], label, atol=steps.get(name, 1e-3), err_msg=name)


def test_files_of_cameras_have_either_folder_and_lack_what_they_lack(tmp_path):
    root = write_taskonomy(tmp_path / "data", poses="points")
    source = Taskonomy(str(root))
    assert {"room_layout", "vanishing_points"} <= source.tasks.keys()
    put_camera(root / f"points/{FIRST}_domain_fixatedpose.json", {"camera_location": [0, 0, 1.4]})
    assert source.check() == []
    counts = {count.task: count for count in inspect(source).counts if count.split == "train"}
    for task in ("room_layout", "vanishing_points"):
        assert np.isnan(source.load(FIRST, [task]).labels[task]).all()
        assert (counts[task].images, counts[task].labelled, counts[task].missing) == (2, 1, 0)


def test_every_task_is_counted(root):
    counts = {count.task: count for count in inspect(Taskonomy(str(root))).counts if count.split == "train"}
    assert set(counts) == set(TASKS)
    assert {(count.labelled, count.missing, count.damaged) for count in counts.values()} == {(2, 0, 0)}


CAMERA_FILE = f"point_info/{FIRST}_domain_fixatedpose.json"
OBJECT_FILE = f"class_object/{FIRST}_domain_class_object.npy"
SCENE_FILE = f"class_scene/{FIRST}_domain_class_places.npy"


def camera(**changes):
    return lambda root: put_camera(root / CAMERA_FILE, CAMERA | changes)


DAMAGE = {
    "regions of 16 bits": (
        lambda root: put(
            root / f"segment_unsup2d/{FIRST}_domain_segment_unsup2d.png", np.ones(SIZE, np.uint16)
        ),
        f"segment_unsup2d/{FIRST}_domain_segment_unsup2d.png: is uint16 (8, 8), not 1 channel of 8 bits",
    ),
    "objects of another set": (
        lambda root: put(root / OBJECT_FILE, np.zeros(100, np.float32)),
        f"{OBJECT_FILE}: is float32 (100,), not a number for each of 1000 classes",
    ),
    "objects that are no numbers": (
        lambda root: put(root / OBJECT_FILE, OBJECTS * np.nan),
        f"{OBJECT_FILE}: has numbers that are not finite",
    ),
    "empty file of objects": (
        lambda root: (root / OBJECT_FILE).write_bytes(b""),
        f"{OBJECT_FILE}: cannot be read as a NumPy array",
    ),
    "scenes that add up to two": (
        lambda root: put(root / SCENE_FILE, 2 * SCENES),
        f"{SCENE_FILE}: has probabilities that add up to 2, not to 1",
    ),
    "no JSON": (
        lambda root: (root / CAMERA_FILE).write_text('{"bounding_box_ranges": '),
        f"{CAMERA_FILE}: cannot be read as JSON",
    ),
    "another JSON": (
        lambda root: put_camera(root / CAMERA_FILE, [1, 2]),
        f"{CAMERA_FILE}: is not what Taskonomy says of a camera",
    ),
    "vanishing points that are not perpendicular": (
        camera(vanishing_points_gaussian_sphere={axis: [0.0, 0.6, 0.8] for axis in "xyz"}),
        f"{CAMERA_FILE}: has vanishing points that are not three perpendicular directions",
    ),
    "two vanishing points": (
        camera(vanishing_points_gaussian_sphere={"x": [1, 0, 0], "y": [0, 1, 0]}),
        f"{CAMERA_FILE}: has not 3 × 3 numbers as 'vanishing_points_gaussian_sphere'",
    ),
    "a box of words": (
        camera(bounding_box_ranges={axis: ["near", "far"] for axis in "xyz"}),
        f"{CAMERA_FILE}: has not 3 × 2 numbers as 'bounding_box_ranges'",
    ),
    "a box without inside": (
        camera(bounding_box_ranges={"x": [0, 1], "y": [0, 1], "z": [2, 2]}),
        f"{CAMERA_FILE}: has a bounding box whose ends are not in order",
    ),
    "a box without camera": (
        camera(camera_rotation_final=None),
        f"{CAMERA_FILE}: has not 3 numbers as 'camera_rotation_final'",
    ),
    "truncated image": (
        lambda root: (root / f"rgb/{FIRST}_domain_rgb.png").write_bytes(b"\x89PNG"),
        f"rgb/{FIRST}_domain_rgb.png: cannot be decoded",
    ),
    "wrong size": (
        lambda root: put(root / f"normal/{FIRST}_domain_normal.png", np.zeros((4, 4, 3), np.uint8)),
        f"normal/{FIRST}_domain_normal.png: is 4x4, its image 8x8",
    ),
    "label beyond the classes": (
        lambda root: put(
            root / f"segment_semantic/{FIRST}_domain_segmentsemantic.png", np.full(SIZE, 18, np.uint8)
        ),
        f"segment_semantic/{FIRST}_domain_segmentsemantic.png: has the label 18, but labels are 0 to 17",
    ),
    "depth of 8 bits": (
        lambda root: put(root / f"depth_zbuffer/{FIRST}_domain_depth_zbuffer.png", np.ones(SIZE, np.uint8)),
        f"depth_zbuffer/{FIRST}_domain_depth_zbuffer.png: is uint8 (8, 8), not 1 channel of 16 bits",
    ),
    "curvature of one channel": (
        lambda root: put(
            root / f"principal_curvature/{FIRST}_domain_principal_curvature.png", np.ones(SIZE, np.uint8)
        ),
        f"principal_curvature/{FIRST}_domain_principal_curvature.png: is uint8 (8, 8), not 2 channels of 8 bits",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    assert any(problem.startswith(expected) for problem in problems(root)), problems(root)


def test_a_broken_list_and_another_folder_are_refused(root, tmp_path):
    (root / "train_val_test_full.csv").write_text("building,split\nallensville,train\n")
    with pytest.raises(DataError, match="has not the columns id, train, val, test"):
        Taskonomy(str(root)).ids("train")
    (tmp_path / "other/rgb/room").mkdir(parents=True)
    with pytest.raises(DataError, match="its folder rgb has no images of that name"):
        Taskonomy(str(tmp_path / "other")).ids("train")
