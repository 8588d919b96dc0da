import pytest

from simulations.inprocess import run_inprocess
from tests.federations import create


@pytest.fixture(scope="session")
def straight(tmp_path_factory):
    """A finished run of the tiny federation, to read and to copy, never to write."""
    directory = create(tmp_path_factory.mktemp("straight") / "run")
    run_inprocess(directory)
    return directory
