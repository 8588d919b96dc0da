import os
import stat
import subprocess
import sys

import pytest

from fedmtl.deployment import files
from fedmtl.deployment.files import (
    PRIVATE,
    SCRIPT,
    make_folder,
    read_file,
    read_private,
    remove_partials,
    write_file,
)
from fedmtl.errors import ConfigError, RunError


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("bits", [PRIVATE, SCRIPT])
def test_a_file_has_its_mode_whatever_the_umask_allows(tmp_path, open_umask, bits):
    write_file(tmp_path / "new" / "file", b"x", bits)
    assert mode(tmp_path / "new" / "file") == bits


def test_a_private_file_is_private_from_the_first_byte(tmp_path, open_umask, monkeypatch):
    seen = []

    def watching(descriptor, *arguments):
        found = os.fstat(descriptor)
        seen.append((stat.S_IMODE(found.st_mode), found.st_size))
        return os.fdopen(descriptor, *arguments)

    monkeypatch.setattr(files, "os", Watched(os, fdopen=watching))
    write_file(tmp_path / "key", b"secret", PRIVATE)
    assert seen == [(PRIVATE, 0)]


class Watched:
    """A module with other members in places."""

    def __init__(self, module, **members):
        self.__dict__.update(vars(module) | members)


def test_what_is_there_already_is_left_alone(tmp_path):
    path = tmp_path / "file"
    assert write_file(path, b"one")
    inode = path.stat().st_ino
    assert not write_file(path, b"one")
    assert path.stat().st_ino == inode
    assert write_file(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_file(path, b"one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "os", Watched(os, fsync=full))
    with pytest.raises(RunError, match=r"file cannot be written: No space left on device"):
        write_file(path, b"two")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"one")]


def test_a_folder_where_a_file_is_cannot_be_made(tmp_path):
    make_folder(tmp_path / "a", 0o700)
    make_folder(tmp_path / "a", 0o700)
    assert mode(tmp_path / "a") == 0o700
    (tmp_path / "b").write_text("")
    for path in (tmp_path / "b", tmp_path / "b" / "c"):
        with pytest.raises(RunError, match="b cannot be made"):
            make_folder(path)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o666])
def test_a_private_file_that_others_can_open_is_refused_with_the_way_out(tmp_path, bits):
    path = tmp_path / "key"
    write_file(path, b"secret", PRIVATE)
    assert read_private(path) == b"secret"
    path.chmod(bits)
    with pytest.raises(ConfigError, match=f"run chmod 600 {path}"):
        read_private(path)


def test_a_file_that_is_missing_is_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match="none cannot be read: No such file"):
        read_file(tmp_path / "none")


KILLED = """
import os, pathlib, sys
from fedmtl.deployment.files import write_file

os.fsync = lambda descriptor: os._exit(9)
write_file(pathlib.Path(sys.argv[1]), b"half of it")
"""


def test_what_a_killed_write_left_is_removed_and_nothing_else(tmp_path):
    for name in ("ledger.json", ".hidden", ".settings.json", ".cache.0123456g"):
        (tmp_path / name).write_bytes(b"x")
    before = set(tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "ledger.json")])
    assert (done.returncode, len(set(tmp_path.iterdir()) - before)) == (9, 1)
    remove_partials(tmp_path)
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / "ledger.json").read_bytes() == b"x"
