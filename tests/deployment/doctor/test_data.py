import pytest

from fedmtl.deployment.doctor import data
from fedmtl.deployment.doctor.data import check_data, make_source, refuse_unusable
from fedmtl.deployment.doctor.finding import Check, examine
from fedmtl.deployment.site import SiteConfig, SiteData
from fedmtl.errors import ConfigError, DataError
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
    assert found.found == "4 images, all decoded and sound; with labels: semseg 4, range 3"


def test_of_many_images_some_are_decoded(folder, monkeypatch):
    monkeypatch.setattr(data, "MOST_IMAGES", 2)
    found = look({"kind": "folder", "path": str(folder)}, ["semseg"]).found
    assert found == "4 images; a sample of 2 was decoded, all sound; labels in the sample: semseg 2"


def test_a_damaged_image_is_a_failure_that_names_it(folder):
    (folder / "images" / "a" / "0.png").write_bytes(b"not an image")
    found = look({"kind": "folder", "path": str(folder)}, ["semseg"])
    assert found.status == "fail"
    assert found.found.startswith(str(folder / "images" / "a" / "0.png"))
    assert "fedmtl data check" in found.advice


@pytest.mark.parametrize("kind", ["folder", "cityscapes"])
def test_a_folder_that_is_not_there_is_to_be_filled_in(kind, tmp_path):
    found = look({"kind": kind, "path": str(tmp_path / "nowhere")})
    assert found.status == "fail"
    assert found.found.startswith(
        f"{tmp_path / 'nowhere'}: there is no such folder; data.source.path in site.yaml"
    )
    assert "filled in" in found.found


def test_a_folder_of_something_else_is_a_failure_that_names_the_key(tmp_path):
    found = look({"kind": "folder", "path": str(tmp_path)})
    assert (found.status, "filled in" in found.found) == ("fail", False)
    assert found.found.endswith(
        "this is not a data-set folder; data.source.path in site.yaml names the folder"
    )


def test_a_damaged_list_of_tasks_is_no_matter_of_the_path(folder):
    (folder / "dataset.yaml").write_text("tasks: {")
    found = look({"kind": "folder", "path": str(folder)})
    assert (found.status, "site.yaml" in found.found) == ("fail", False)


def test_options_are_looked_at_without_the_data(tmp_path):
    make_source(SiteConfig("north", "h:1", SiteData({"kind": "folder", "path": str(tmp_path / "nowhere")})))
    with pytest.raises(ConfigError, match=r"data\.source\.pth: .*did you mean 'path'"):
        make_source(SiteConfig("north", "h:1", SiteData({"kind": "folder", "pth": "/data"})))


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
