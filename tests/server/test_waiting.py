"""Nodes that do not answer, and a server that waits for them."""

import logging
import time

import pytest

from fedmtl.errors import RunError
from server import roster as roster_module
from tests.federations import CLIENTS, create
from tests.server.crowds import NODES, Crowd, Hushed, make


@pytest.fixture
def directory(tmp_path):
    return create(tmp_path / "run")


@pytest.mark.parametrize("kind", ["query.describe", "query.join"])
def test_a_node_that_did_not_answer_is_asked_again(kind, directory, monkeypatch):
    monkeypatch.setattr(roster_module, "RETRY_SECONDS", 0.0)
    roster, failures = make(directory)
    crowd = Hushed(directory, 3, kind, times=1)
    roster.refresh(crowd)
    assert sorted(roster.members) == ["a", "c"]
    roster.refresh(crowd)
    assert sorted(roster.members) == list(CLIENTS)
    assert crowd.asked(kind).count(3) == 2
    assert len(failures) == 1


def test_a_node_that_did_not_answer_is_left_alone_for_a_while(directory):
    roster, _ = make(directory)
    crowd = Hushed(directory, 3, "query.describe", times=1)
    for _ in range(3):
        roster.refresh(crowd)
    assert crowd.asked("query.describe").count(3) == 1


def test_a_node_that_answered_late_is_asked_again(directory, monkeypatch):
    monkeypatch.setattr(roster_module, "HANDSHAKE_TIMEOUT", 0.1)
    monkeypatch.setattr(roster_module, "RETRY_SECONDS", 0.0)
    late = [3]

    def alter(asked, reply):
        if asked.metadata.dst_node_id in late:
            late.clear()
            return None
        return reply

    roster, failures = make(directory)
    crowd = Crowd(directory, alter=alter)
    roster.refresh(crowd)
    assert failures == [("node 3", "describe", "did not answer within 0.1 s")]
    roster.refresh(crowd)
    assert sorted(roster.members) == list(CLIENTS)


def test_the_server_waits_for_who_does_not_answer_and_not_for_who_is_refused(directory, monkeypatch):
    monkeypatch.setattr(roster_module, "RETRY_SECONDS", 0.0)
    roster, failures = make(directory)
    roster.wait_for(Hushed(directory, 3, "query.describe", times=2), 3, timeout=30)
    assert sorted(roster.members) == list(CLIENTS)
    assert len(failures) == 2
    roster, _ = make(directory)
    with pytest.raises(RunError, match=r"2 of 3 clients joined within 0\.3 s: node 3 failed: is gone"):
        roster.wait_for(Hushed(directory, 3, "query.describe", times=99), 3, timeout=0.3)


def test_whoever_waits_is_told(directory, caplog):
    roster, _ = make(directory)
    with caplog.at_level(logging.INFO, "flwr"), pytest.raises(RunError):
        roster.wait_for(Crowd(directory, present=[2]), 3, timeout=0.3)
    assert [line for line in caplog.messages if line.startswith("1 of 3 clients have joined; waiting")]


def test_waiting_is_bounded(directory):
    roster, _ = make(directory)
    began = time.monotonic()
    with pytest.raises(RunError, match=r"1 of 3 clients joined within 0\.3 s"):
        roster.wait_for(Crowd(directory, present=[2]), 3, timeout=0.3)
    assert time.monotonic() - began < 30


def test_whoever_comes_while_the_server_waits_is_admitted(directory):
    class Slow(Crowd):
        """Shows one node more at every look."""

        def get_node_ids(self):
            self.present = list(NODES.values())[: len(self.present) + 1]
            return self.present

    roster, _ = make(directory)
    roster.wait_for(Slow(directory, present=[]), 3, timeout=30)
    assert sorted(roster.members) == list(CLIENTS)
