"""Locks that end with their process, however it ends."""

import errno
import os
import subprocess
import sys

import pytest

from fedmtl.errors import RunError
from fedmtl.locking import hold, is_held

HOLDER = """
import sys
from pathlib import Path
from fedmtl.locking import hold
with hold(Path(sys.argv[1]), "go away"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_by_one_at_a_time_and_says_by_whom(tmp_path):
    lock = tmp_path / "lock"
    assert not is_held(lock)
    with hold(lock, "wait for it"):
        assert is_held(lock)
        with (
            pytest.raises(RunError, match=rf"{tmp_path} is in use by process {os.getpid()}: wait for it"),
            hold(lock, "wait for it"),
        ):
            pass
    assert not is_held(lock)
    with hold(lock, "wait for it"):
        pass


def test_it_ends_with_its_process(tmp_path):
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match=f"process {holder.pid}"), hold(lock, ""):
            pass
        holder.kill()
    assert not is_held(lock)
    with hold(lock, ""):
        assert lock.read_text() == f"{os.getpid()}\n"


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(RunError, match="cannot be written: No such file"), hold(tmp_path / "no" / "lock", ""):
        pass


def test_who_may_not_look_is_told_so_and_not_that_nobody_holds_it(tmp_path, monkeypatch):
    def refused(path, flags):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(RunError, match="lock cannot be opened: Permission denied; do this as the user whom"):
        is_held(tmp_path / "lock")
