"""What every test of the suite has."""

import logging

import pytest

from simulations.inprocess import run_inprocess
from tests.federations import create

PACKAGES = ("fedmtl", "server", "clients", "simulations")


@pytest.fixture(scope="session")
def straight(tmp_path_factory):
    """A finished run of the tiny federation, to read and to copy, never to write."""
    directory = create(tmp_path_factory.mktemp("straight") / "run")
    run_inprocess(directory)
    return directory


@pytest.fixture(autouse=True)
def _as_a_library_logs():
    """A command sets up the logging of its whole process; here the next test is in the same one."""
    yield
    logging.root.setLevel(logging.WARNING)
    for name, logger in logging.root.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.split(".")[0] in PACKAGES:
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
            logger.handlers.clear()
