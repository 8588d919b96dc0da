from typing import NamedTuple

import pytest

from fedmtl.cli import main
from tests.federations import TINY


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def fedmtl(capsys, monkeypatch, tmp_path):
    """Runs the command in an empty folder, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Outcome(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def scenario(tmp_path):
    """The tiny federation as a file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path
