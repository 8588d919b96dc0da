"""The published data sets as folders that the scenarios on them can divide: small images, enough for every client."""

import pytest

from fedmtl.data.taskonomy_buildings import TINY
from tests.data.celeba_archive import write_celeba
from tests.data.mnist_files import write_mnist
from tests.data.nyud_archive import write_nyud
from tests.data.pascal_archive import write_pascal
from tests.data.taskonomy_archive import POINTS, write_taskonomy

IDS = {"train": [f"{number:04}" for number in range(1, 21)], "val": ["0021", "0022"]}


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """A folder as `data_root` wants it; to read, never to write."""
    root = tmp_path_factory.mktemp("archives")
    for name in ("PASCALContext", "NYUDv2", "taskonomy"):
        (root / name).mkdir()
    write_pascal(root / "PASCALContext", splits=IDS)
    write_nyud(root / "NYUDv2", splits=IDS)
    buildings = [name for split in ("train", "val") for name in TINY[split].split()]
    write_taskonomy(root / "taskonomy", buildings=buildings, points=POINTS[:1])
    write_mnist(root / "mnist", suffix=".gz")
    write_celeba(root / "celeba", splits=(0,) * 10 + (1, 1, 2))
    return root
