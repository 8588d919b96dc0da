import pytest

from fedmtl.data import Folder
from fedmtl.data.celeba import CelebA
from fedmtl.data.cityscapes import Cityscapes
from fedmtl.data.layouts import open_folder
from fedmtl.data.multi_mnist import MultiMnist
from fedmtl.data.nyud import Nyud
from fedmtl.data.pascal_context import PascalContext
from fedmtl.data.taskonomy import Taskonomy
from fedmtl.errors import ConfigError, DataError
from tests.data.celeba_archive import write_celeba
from tests.data.cityscapes_archive import write_cityscapes
from tests.data.folders import write_example
from tests.data.mnist_files import write_mnist
from tests.data.nyud_archive import write_nyud
from tests.data.pascal_archive import write_pascal
from tests.data.taskonomy_archive import write_taskonomy

WRITERS = {
    Folder: write_example,
    Nyud: write_nyud,
    PascalContext: write_pascal,
    Taskonomy: write_taskonomy,
    Cityscapes: write_cityscapes,
    CelebA: write_celeba,
    MultiMnist: write_mnist,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_is_known_by_its_layout_and_by_no_other(tmp_path, kind):
    root = WRITERS[kind](tmp_path / "data")
    assert type(open_folder(root)) is kind
    assert [each for each in WRITERS if each.fits(root)] == [kind]


def test_a_kind_that_is_named_counts(tmp_path):
    source = open_folder(write_nyud(tmp_path / "data"), "taskonomy")
    with pytest.raises(DataError, match="has no folder rgb; use `kind: nyud`, whose layout it has"):
        source.layout  # noqa: B018
    with pytest.raises(ConfigError, match="did you mean 'nyud'"):
        open_folder(tmp_path, "nyudd")
    with pytest.raises(DataError, match="'rooms' has no files"):
        open_folder(tmp_path, "rooms")


def test_an_unknown_folder_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"neither a dataset\.yaml nor a layout that is known$"):
        open_folder(tmp_path)
    (tmp_path / "labels.csv").touch()
    with pytest.raises(
        DataError, match=r"layout that is known; to its labels\.csv belong a dataset\.yaml, which names"
    ):
        open_folder(tmp_path)
    write_nyud(tmp_path / "unpacked/NYUDv2")
    with pytest.raises(DataError, match=r"did you mean .*unpacked/NYUDv2, which has that of `kind: nyud`\?"):
        open_folder(tmp_path / "unpacked")
    with pytest.raises(DataError, match="there is no such folder"):
        open_folder(tmp_path / "gone")
    (tmp_path / "NYUDv2.tar.gz").touch()
    with pytest.raises(DataError, match="an archive: unpack it; name the folder with the images and labels"):
        open_folder(tmp_path / "NYUDv2.tar.gz")
