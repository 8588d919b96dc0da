import os

import pytest

from fedmtl.errors import RunError
from fedmtl.privacy import ledger as module
from fedmtl.privacy.ledger import Ledger
from fedmtl.privacy.release import Release

ONE, TWO = Release.poisson(1.0, 0.1), Release.fixed(2.0, 3, 7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "privacy.jsonl"


def entered(path, *releases):
    ledger = Ledger(path)
    for number, release in enumerate(releases, start=1):
        ledger.enter(number, release)
    return ledger


def test_a_run_that_has_released_nothing_has_no_file(path):
    assert Ledger(path).releases == {}
    assert not path.exists()


def test_what_is_entered_is_read_again_as_often_as_it_was_entered(path):
    entered(path, ONE, TWO, ONE)
    again = Ledger(path, least=3)
    assert again.releases == {ONE: 2, TWO: 1}
    assert [(entry.round, entry.release) for entry in again.entries] == [(1, ONE), (2, TWO), (3, ONE)]


def test_an_entry_is_on_disk_before_enter_returns(path, monkeypatch):
    synced = []

    def fsync(descriptor):
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        synced.append((name, path.read_bytes().count(b"\n")))

    monkeypatch.setattr(module.os, "fsync", fsync)
    entered(path, ONE)
    assert synced == [(str(path), 1), (str(path.parent), 1)]


def test_a_torn_last_line_was_no_release_and_is_written_over(path):
    entered(path, ONE)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"round": 2, "ti')
    assert Ledger(path).releases == {ONE: 1}
    Ledger(path).enter(2, TWO)
    assert Ledger(path).releases == {ONE: 1, TWO: 1}
    assert path.read_bytes().startswith(whole)


def test_a_damaged_line_is_named(path):
    entered(path, ONE, TWO)
    path.write_bytes(path.read_bytes().replace(b"multiplier", b"m"))
    with pytest.raises(RunError, match=r"privacy\.jsonl is damaged"):
        Ledger(path)


@pytest.mark.parametrize("change", ["shortened", "removed"])
def test_a_ledger_that_has_lost_what_a_checkpoint_knows_of_is_refused(change, path):
    entered(path, ONE, TWO)
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(RunError, match="where the run has made 2"):
        Ledger(path, least=2)


def test_where_it_cannot_be_written_the_release_must_not_be_made(path):
    path.mkdir()
    ledger = Ledger.__new__(Ledger)
    ledger._path, ledger._whole, ledger.entries = path, 0, []
    with pytest.raises(RunError, match="cannot be written"):
        ledger.enter(1, ONE)
    assert ledger.entries == []
