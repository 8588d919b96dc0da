import numpy as np
import pytest

from fedmtl.config import CacheKind, DataConfig
from fedmtl.data import SOURCES, ClientDataset
from fedmtl.data.celeba import CelebA
from fedmtl.data.check import Count, inspect
from fedmtl.data.layouts import open_folder
from fedmtl.errors import ConfigError, DataError
from fedmtl.tasks import build_task
from tests.data.celeba_archive import ATTRIBUTES, LAYOUTS, SIZE, has, write_celeba
from tests.data.nyud_archive import put

GROUPS = {"hair": ["Black_Hair", "Blond_Hair"], "smiling": ["Smiling"]}
LIST, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"


@pytest.fixture
def root(tmp_path):
    return write_celeba(tmp_path / "celeba")


def grouped(root, groups=GROUPS):
    source = SOURCES.build("celeba", {"path": str(root), "attributes": groups}, "data.sources.x")
    assert isinstance(source, CelebA)
    return source


def problems(root):
    return [str(problem).removeprefix(f"{root}/") for problem in inspect(grouped(root)).problems]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_are_read_as_they_are_handed_around(tmp_path, layout):
    source = open_folder(write_celeba(tmp_path / "celeba", layout))
    assert isinstance(source, CelebA)
    assert source.check() == []
    assert source.layout == "CelebA, or its like: 6 images with 40 attributes"
    ids = [source.ids(split) for split in ("train", "val", "test")]
    assert ids == [("000001", "000002", "000003", "000004"), ("000005",), ("000006",)]
    (task,) = source.tasks.values()
    assert (task.name, task.kind, task.classes) == ("attributes", "multilabel", ATTRIBUTES)
    for image, sample_id in enumerate(sample_id for split in ids for sample_id in split):
        sample = source.load(sample_id, ["attributes"])
        assert sample.image.shape == (*SIZE, 3)
        np.testing.assert_array_equal(sample.labels["attributes"], [has(image, j) for j in range(40)])


def test_groups_of_attributes_are_tasks_and_one_alone_is_a_classification(root):
    source = grouped(root)
    assert {name: (spec.kind, spec.classes) for name, spec in source.tasks.items()} == {
        "hair": ("multilabel", ("Black_Hair", "Blond_Hair")),
        "smiling": ("classification", ("not Smiling", "Smiling")),
    }
    for image in range(4):
        labels = source.load(f"{image + 1:06}", ["hair", "smiling"]).labels
        np.testing.assert_array_equal(labels["hair"], [has(image, 8), has(image, 9)])
        np.testing.assert_array_equal(labels["smiling"], [has(image, 31)])
    assert Count("train", "smiling", images=4, labelled=4, missing=0, damaged=0) in inspect(source).counts


def test_images_may_be_png(tmp_path):
    root = write_celeba(tmp_path / "celeba", "authors")
    for path in (root / "Img/img_align_celeba").iterdir():
        put(root / "Img/img_align_celeba_png" / f"{path.stem}.png", np.zeros((*SIZE, 3), np.uint8))
        path.unlink()
    (root / "Img/img_align_celeba").rmdir()
    assert grouped(root).check() == []


def test_grey_images_have_three_channels(root):
    put(root / "img_align_celeba/000002.jpg", np.full(SIZE, 7, np.uint8))
    source = grouped(root)
    assert source.check() == []
    assert (source.image("000002") == np.full((*SIZE, 3), 7)).all()


def test_what_groups_cannot_be_is_told(root):
    with pytest.raises(
        ConfigError, match=r"attributes\.hair: .* has no attribute 'Blond'; did you mean 'Blond_Hair'"
    ):
        grouped(root, {"hair": ["Blond"]}).tasks  # noqa: B018
    with pytest.raises(DataError, match="has no task 'hairs'; did you mean 'hair'"):
        grouped(root).load("000001", ["hairs"])
    with pytest.raises(DataError, match="task 'hair' names a class twice"):
        grouped(root, {"hair": ["Bald", "Bald"]}).tasks  # noqa: B018
    with pytest.raises(DataError, match="task 'hair' has 0 classes"):
        grouped(root, {"hair": []}).tasks  # noqa: B018


def test_a_list_may_have_other_attributes_and_images_in_folders(tmp_path):
    put(tmp_path / "img_align_celeba/ward/a.png", np.zeros((*SIZE, 3), np.uint8))
    put(tmp_path / "img_align_celeba/ward/b.png", np.zeros((*SIZE, 3), np.uint8))
    (tmp_path / LIST).write_text("2\ncough fever\nward/a.png 1 -1\nward/b.png -1 -1\n")
    (tmp_path / PARTITION).write_text("ward/a.png 0\nward/b.png 1\n")
    source = open_folder(tmp_path)
    assert source.check() == []
    assert source.load("ward/a", ["attributes"]).labels["attributes"].tolist() == [1, 0]
    assert list(source.splits) == ["train", "val"]


DAMAGE = {
    "missing image": (
        lambda root: (root / "img_align_celeba/000002.jpg").unlink(),
        "img_align_celeba/000002: there is no such image",
    ),
    "truncated image": (
        lambda root: (root / "img_align_celeba/000002.jpg").write_bytes(b"\xff\xd8"),
        "img_align_celeba/000002.jpg: cannot be decoded",
    ),
    "two images": (
        lambda root: put(root / "img_align_celeba/000002.png", np.zeros((*SIZE, 3), np.uint8)),
        "img_align_celeba/000002.jpg: there is also 000002.png",
    ),
    "missing row": (
        lambda root: edit(root / LIST, "000002.jpg", "000009.jpg"),
        f"{LIST}: there is no row '000002'",
    ),
    "a label that is neither": (
        lambda root: edit(
            root / LIST, "000001.jpg  1 -1 -1  1 -1 -1  1 -1 -1  1", f"000001.jpg{' 1' * 9}  0"
        ),
        f"{LIST}: row '000001', attribute 'Blond_Hair': '0' is neither 1 nor -1",
    ),
    "short row": (
        lambda root: edit(root / LIST, "000001.jpg  1", "000001.jpg"),
        f"{LIST}: row '000001' has 39 values, but there are 40 attributes",
    ),
    "an image in two splits": (
        lambda root: edit(root / PARTITION, "000005.jpg 1", "000005.jpg 1\n000001.jpg 1"),
        f"{PARTITION}: '000001.jpg' is there twice",
    ),
    "a fourth split": (
        lambda root: edit(root / PARTITION, "000005.jpg 1", "000005.jpg 3"),
        f"{PARTITION}: '000005.jpg' is neither 0 for training nor 1 for validation nor 2 for test, but '3'",
    ),
    "an image out of the folder": (
        lambda root: edit(root / PARTITION, "000005.jpg 1", "../000005.jpg 1"),
        f"{PARTITION}: '../000005.jpg' must be a path within the folder",
    ),
    "no validation": (
        lambda root: edit(root / PARTITION, "000005.jpg 1", "000005.jpg 0"),
        f"{PARTITION}: names no image",
    ),
    "missing splits": (
        lambda root: (root / PARTITION).unlink(),
        f"{PARTITION}: cannot be read: No such file or directory",
    ),
    "splits of bytes": (
        lambda root: (root / PARTITION).write_bytes(b"\xff\xfe"),
        f"{PARTITION}: is not text in UTF-8",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(root, damage):
    break_it, expected = DAMAGE[damage]
    break_it(root)
    found = problems(root)
    assert any(problem.startswith(expected) for problem in found), found
    assert len(found) == len(set(found))


BROKEN_LIST = {
    "rows of a download that broke off": (
        lambda path: path.write_text(path.read_text().rpartition("000005")[0]),
        "says that it has 6 rows, but has 4; unpack or download it again",
    ),
    "an image twice": (lambda path: edit(path, "000002.jpg", "000001.jpg"), "has two rows '000001'"),
    "an attribute twice": (
        lambda path: edit(path, "Bangs", "Bald"),
        "does not begin with the names of attributes",
    ),
    "nothing": (lambda path: path.write_text(""), "does not begin with the names of attributes, each once"),
}


@pytest.mark.parametrize("damage", BROKEN_LIST)
def test_a_broken_list_ends_the_check(root, damage):
    break_it, expected = BROKEN_LIST[damage]
    break_it(root / LIST)
    with pytest.raises(DataError, match=f"{LIST}: {expected}"):
        inspect(grouped(root))


def test_rows_of_images_that_no_split_has_are_remarked(root):
    edit(root / PARTITION, "000002.jpg 0\n000003.jpg 0\n", "")
    report = inspect(grouped(root))
    assert report.problems == []
    assert [str(remark) for remark in report.remarks] == [
        f"{root}/{LIST}: row '000002' and 1 more are in no split"
    ]


def test_of_images_that_are_not_decoded_it_is_seen_whether_they_are_there(root):
    (root / "img_align_celeba/000002.jpg").unlink()
    edit(root / LIST, "000004.jpg", "000009.jpg")
    found = [problem.what for problem in inspect(grouped(root), most=2).problems]
    assert found == ["there is no such image (.jpg, .png, .jpeg)", "there is no row '000004'"]


def test_another_attribute_under_the_same_name_is_decoded_anew(root, tmp_path):
    config = DataConfig(image_size=SIZE, cache=CacheKind.disk, cache_folder=str(tmp_path / "cache"))

    def labels(attribute):
        source = grouped(root, {"x": [attribute]})
        data = ClientDataset(source, source.ids("train"), [build_task(source.tasks["x"])], config)
        return [int(data[i]["targets"]["x"]) for i in range(len(data))]

    assert labels("Bald") == [has(i, 4) for i in range(4)]
    assert labels("Smiling") == [has(i, 31) for i in range(4)]


def test_a_folder_without_the_list_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"not laid out like CelebA: it has no file list_attr_celeba\.txt; put it"
    ):
        CelebA(str(tmp_path)).ids("train")
