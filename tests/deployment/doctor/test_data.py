import pytest

from fedmtl.deployment.doctor import data
from fedmtl.deployment.doctor.data import check_data, refuse_unusable
from fedmtl.deployment.doctor.finding import Check, examine
from fedmtl.deployment.site import SiteConfig, SiteData
from fedmtl.errors import DataError
from tests.data.folders import write_example


@pytest.fixture
def folder(tmp_path):
    return write_example(tmp_path / "images")


def look(source, tasks=()):
    config = SiteConfig("north", "h:1", SiteData(source), tasks=list(tasks))
    (found,) = examine([Check("data", lambda: check_data(config))])
    return found


def test_sound_data_is_counted(folder):
    found = look({"kind": "folder", "path": str(folder)}, ["semseg", "range"])
    assert found.status == "ok"
    assert found.found == "4 images, 4 of them decoded and sound; with labels: semseg 4, range 3"


def test_of_many_images_some_are_decoded(folder, monkeypatch):
    monkeypatch.setattr(data, "MOST_IMAGES", 2)
    assert "4 images, 2 of them decoded" in look({"kind": "folder", "path": str(folder)}, ["semseg"]).found


def test_a_damaged_image_is_a_failure_that_names_it(folder):
    (folder / "images" / "a" / "0.png").write_bytes(b"not an image")
    found = look({"kind": "folder", "path": str(folder)}, ["semseg"])
    assert found.status == "fail"
    assert found.found.startswith(str(folder / "images" / "a" / "0.png"))
    assert "fedmtl data check" in found.advice


def test_a_folder_that_is_not_there_is_a_failure(tmp_path):
    assert look({"kind": "folder", "path": str(tmp_path / "nowhere")}).status == "fail"


def test_data_that_cannot_be_read_is_a_failure(folder):
    (folder / "dataset.yaml").unlink()
    (folder / "dataset.yaml").mkdir()  # not even root can read that
    found = look({"kind": "folder", "path": str(folder)})
    assert (found.status, "dataset.yaml" in found.found) == ("fail", True)


def test_a_task_that_the_data_does_not_have_is_a_failure(folder):
    found = look({"kind": "folder", "path": str(folder)}, ["semsec"])
    assert (found.status, "'semsec'" in found.found, "semseg" in found.found) == ("fail", True, True)


def test_a_source_of_another_kind_is_counted():
    found = look({"kind": "rooms", "sites": 1, "height": 32, "width": 48, "train": 4, "val": 2}, ["depth"])
    assert (found.status, found.found) == ("ok", "4 training and 2 validation images, with depth")


def test_a_site_without_training_images_is_refused(folder):
    config = SiteConfig("north", "h:1", SiteData({"kind": "folder", "path": str(folder)}))
    refuse_unusable(config)
    (folder / "train.txt").write_text("")
    with pytest.raises(DataError, match="no training images"):
        refuse_unusable(config)
