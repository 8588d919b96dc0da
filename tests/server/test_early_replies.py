"""Replies that wait are the same when they are taken, and take no more memory than they may."""

import gc
import tempfile
import tracemalloc

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Error, Message, RecordDict

from clients.app import app as client_app
from fedmtl.errors import RunError
from server.early_replies import EarlyReplies
from simulations.inprocess import InProcessGrid

SIZE = 300_000


@pytest.fixture(autouse=True, scope="module")
def identity():
    """Messages can be made where a grid has told Flower who the server is."""
    InProcessGrid(client_app, 0, {})


@pytest.fixture
def early(request):
    replies = EarlyReplies(in_memory=request.param)
    yield replies
    replies.close()


def asked():
    return Message(RecordDict(), 7, "train")


def reply_of(number, size=SIZE):
    """Two vectors, which are together `size` bytes, and one that is empty."""
    rng = np.random.default_rng(number)
    arrays = {
        name: Array("float32", (length // 4,), "raw", rng.bytes(length))
        for name, length in (("a", size // 3), ("b", size - size // 3), ("none", 0))
    }
    return Message(RecordDict({"vectors": ArrayRecord(arrays)}), reply_to=asked())


def bytes_of(reply):
    return {name: array.data for name, array in reply.content["vectors"].items()}


@pytest.mark.parametrize("early", [0, SIZE, 2 * SIZE + 1, 100 * SIZE], indirect=True)
def test_what_is_taken_is_what_was_put(early):
    for turn in range(2):
        for number in range(5):
            early.put(f"{turn}/{number}", reply_of(number))
        for number in (3, 0, 4, 1, 2):
            assert f"{turn}/{number}" in early
            assert bytes_of(early.take(f"{turn}/{number}")) == bytes_of(reply_of(number))
            assert f"{turn}/{number}" not in early


@pytest.mark.parametrize("early", [2 * SIZE], indirect=True)
def test_more_do_not_take_more_memory(early):
    gc.disable()
    tracemalloc.start()
    try:
        for number in range(30):
            early.put(str(number), reply_of(number))
        held = tracemalloc.get_traced_memory()[0]
        for number in range(30):
            early.take(str(number))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert 2 * SIZE <= held < 3 * SIZE
    assert peak < 5 * SIZE


@pytest.mark.parametrize("early", [0], indirect=True)
def test_an_error_has_nothing_to_store(early):
    early.put("e", Message(Error(3, "crashed"), reply_to=asked()))
    assert early.take("e").error.reason == "crashed"


@pytest.mark.parametrize("early", [0], indirect=True)
def test_without_a_disk_the_run_ends_with_a_sentence(early, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(RunError, match=r"wait for a slow client .*set TMPDIR to a larger disk"):
        early.put("a", reply_of(0))


@pytest.mark.parametrize("early", [0], indirect=True)
def test_nothing_is_left_where_temporary_files_lie(early, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    early.put("a", reply_of(0))
    assert not list(tmp_path.iterdir())
