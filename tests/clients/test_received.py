"""What a client holds of what it was sent: found again, proved by its digest, and on the disk once."""

import numpy as np
import pytest

from clients.received import Received
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import encode
from fedmtl.exchange.codecs import build_codec
from fedmtl.exchange.messages import Federation, Instruction, Version
from fedmtl.exchange.versions import digest, encode_difference
from tests.exchange.codecs.cases import LAYOUT, update

GROUPS = ("backbone", "head/depth")
CODEC = build_codec({"name": "int8"}, "exchange.down")
ONE, OTHER = update(0, 1.0), update(1, 1.0)
WHOLE = {"backbone": encode(ONE), "head/depth": encode(OTHER)}


def client(folder, name="a"):
    return Received(folder / name, dict.fromkeys(GROUPS, LAYOUT), CODEC)


def instruct(versions, keep=()):
    return Instruction(Federation("run", (), "", ()), 1, 0, 0, versions, tuple(keep))


def version(vector, base=None):
    return Version(digest(vector), None if base is None else digest(base))


FIRST = instruct({"backbone": version(ONE), "head/depth": version(OTHER)})


@pytest.fixture
def received(tmp_path):
    received = client(tmp_path)
    received.receive(FIRST, WHOLE, GROUPS)
    return received


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_what_was_sent_need_not_be_sent_again_whichever_process_asks(received, tmp_path):
    vectors = client(tmp_path).receive(FIRST, {}, GROUPS)
    np.testing.assert_array_equal(vectors["backbone"], ONE, strict=True)
    np.testing.assert_array_equal(vectors["head/depth"], OTHER, strict=True)


def test_a_difference_leads_on_from_what_is_held(received):
    encoded, reached = encode_difference(OTHER, ONE, CODEC, LAYOUT)
    told = instruct({"backbone": version(reached, ONE)})
    vectors = received.receive(told, {"backbone": encoded}, ["backbone"])
    assert vectors["backbone"].tobytes() == reached.tobytes()
    assert received.held() == (digest(reached),)


def test_all_is_forgotten_but_what_the_server_names(received):
    assert set(received.held()) == {digest(ONE), digest(OTHER)}
    received.receive(instruct({"backbone": version(ONE)}, [digest(OTHER)]), {}, ["backbone"])
    assert set(received.held()) == {digest(ONE), digest(OTHER)}
    received.receive(instruct({"backbone": version(ONE)}), {}, ["backbone"])
    assert set(received.held()) == {digest(ONE)}


def test_clients_on_one_disk_have_equal_values_there_once(received, tmp_path):
    others = [client(tmp_path, name) for name in "bcd"]
    for other in others:
        other.receive(FIRST, WHOLE, GROUPS)
    pooled = tmp_path / ".received" / digest(ONE)
    assert pooled.stat().st_nlink == 5
    assert pooled.samefile(tmp_path / "d" / "received" / digest(ONE))
    for holder in (received, *others):
        assert digest(ONE) in files(tmp_path / ".received")
        holder.receive(instruct({"head/depth": version(OTHER)}), {}, ["head/depth"])
    assert files(tmp_path / ".received") == {digest(OTHER)}


def test_a_disk_without_hard_links_has_them_as_often_as_needed(tmp_path, monkeypatch):
    def refuses(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuses)
    for name in "ab":
        client(tmp_path, name).receive(FIRST, WHOLE, GROUPS)
        np.testing.assert_array_equal(client(tmp_path, name).receive(FIRST, {}, GROUPS)["backbone"], ONE)
    assert not files(tmp_path / ".received")


@pytest.mark.parametrize("damage", [b"", b"\0" * (4 * LAYOUT.size), b"\0" * 7])
def test_a_damaged_file_is_not_believed_and_can_be_sent_again(damage, received, tmp_path):
    (tmp_path / "a" / "received" / digest(ONE)).write_bytes(damage)
    with pytest.raises(ExchangeError, match="did not send group 'backbone', which is damaged here"):
        received.receive(FIRST, {}, GROUPS)
    assert digest(ONE) not in received.held()
    received.receive(FIRST, WHOLE, GROUPS)
    np.testing.assert_array_equal(received.receive(FIRST, {}, GROUPS)["backbone"], ONE)


def changed(vector):
    other = vector.copy()
    other[3] += 1
    return other


@pytest.mark.parametrize(
    ("versions", "sent", "words"),
    [
        ({"backbone": version(changed(ONE))}, {}, "did not send group 'backbone', which is not held here"),
        (
            {"backbone": version(OTHER, changed(ONE))},
            {"backbone": encode(ONE)},
            "'backbone', which is not held",
        ),
        (
            {"backbone": version(ONE)},
            {"backbone": encode(changed(ONE))},
            "not have the values that were agreed on",
        ),
        (
            {"backbone": version(ONE)},
            {"backbone": encode(ONE[:-1])},
            r"group 'backbone': it has shape \(\d+,\)",
        ),
        ({"backbone": version(OTHER, ONE)}, {"backbone": encode(ONE)}, "the encoding 'raw' where 'int8/1'"),
        ({}, {}, "did not send group 'backbone'"),
        ({}, {"backbone": encode(ONE)}, "did not send group 'backbone'"),
        (
            {"backbone": version(ONE), "head/depth": version(OTHER)},
            {},
            "sent group 'head/depth', which is not part",
        ),
        (
            {"backbone": version(ONE)},
            {"head/depth": encode(OTHER)},
            "sent group 'head/depth', which is not part",
        ),
    ],
)
def test_everything_else_is_refused(versions, sent, words, received):
    with pytest.raises(ExchangeError, match=words):
        received.receive(instruct(versions), sent, ["backbone"])
    assert set(received.held()) == {digest(ONE), digest(OTHER)}


def test_other_files_are_no_values(received, tmp_path):
    (tmp_path / "a" / "received" / "notes.txt").write_text("x")
    assert set(received.held()) == {digest(ONE), digest(OTHER)}
