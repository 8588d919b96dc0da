from threading import Event

import pytest
from flwr.app import ConfigRecord, Message, RecordDict

from clients.app import app as client_app
from server import patient_grid
from server.delivery import deliver
from server.patient_grid import PatientGrid
from simulations.inprocess import InProcessGrid

SECONDS = 20.0
"""Until a test gives up waiting."""


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Messages can be made, and no pull waits long for what does not come."""
    InProcessGrid(client_app, 0, {})
    monkeypatch.setattr(patient_grid, "PATIENCE", 0.2)


class Uplinks:
    """Flower's pull: of whom it is asked for it waits until all of that reply is there, whoever else was asked for.

    Attributes:
        whole: number of the message → set once its reply is there as a whole; of others it is at once.
    """

    def __init__(self, **whole):
        self.whole = {int(number.lstrip("m")): event for number, event in whole.items()}
        self.asked = {}
        self.pulls = []

    def push_messages(self, messages):
        for message in messages:
            message.metadata.__dict__["_message_id"] = f"m{len(self.asked)}"
            self.asked[message.metadata.message_id] = message
        return [message.metadata.message_id for message in messages]

    def pull_messages(self, ids):
        self.pulls.append(list(ids))
        for message_id in ids:
            if event := self.whole.get(int(message_id[1:])):
                assert event.wait(SECONDS)
        return [answer(self.asked[message_id]) for message_id in ids]


def answer(asked):
    return Message(RecordDict({"x": ConfigRecord({"node": asked.metadata.dst_node_id})}), reply_to=asked)


def messages(*nodes):
    return [Message(RecordDict(), node, "train") for node in nodes]


def nodes_of(replies):
    return sorted(reply.metadata.src_node_id for reply in replies)


def test_a_slow_upload_holds_up_no_other_reply():
    slow = Event()
    uplinks = Uplinks(m1=slow)
    grid = PatientGrid(uplinks)
    ids = list(grid.push_messages(messages(11, 12, 13)))
    assert nodes_of(grid.pull_messages(ids)) == [11, 13]
    assert list(grid.pull_messages(ids[1:2])) == []
    assert uplinks.pulls.count(["m1"]) == 1, "one pull a reply is enough"
    slow.set()
    assert wait_for(grid, ids[1:2]) == [12]


def wait_for(grid, ids):
    """The nodes of the first replies that come."""
    for _ in range(int(SECONDS / 0.2)):
        if found := nodes_of(grid.pull_messages(ids)):
            return found
        Event().wait(0.01)
    raise AssertionError("nothing came")


def test_a_round_ends_on_time_without_a_slow_site_and_with_all_others():
    slow = Event()
    grid = PatientGrid(Uplinks(m0=slow))
    replies = list(deliver(grid, messages(11, 12, 13), timeout=1.0))
    assert [reply.has_error() for reply in replies] == [True, False, False]
    assert "did not answer within 1 s" in replies[0].error.reason
    slow.set()
    # What comes too late is nobody's reply in the next round.
    assert [reply.metadata.src_node_id for reply in deliver(grid, messages(11, 12), timeout=SECONDS)] == [
        11,
        12,
    ]


def test_what_nobody_asked_for_yet_is_kept_until_somebody_does():
    slow = Event()
    grid = PatientGrid(Uplinks(m0=slow))
    ids = list(grid.push_messages(messages(11, 12)))
    assert list(grid.pull_messages(ids[:1])) == []
    slow.set()
    assert nodes_of(grid.pull_messages(ids[1:])) == [12]
    assert wait_for(grid, ids[:1]) == [11]


def test_what_flower_raises_is_raised_where_replies_are_asked_for():
    class Down(Uplinks):
        def pull_messages(self, ids):
            raise ConnectionError("SuperLink is gone")

    grid = PatientGrid(Down())
    ids = list(grid.push_messages(messages(11)))
    with pytest.raises(ConnectionError, match="SuperLink is gone"):
        grid.pull_messages(ids)


def test_all_else_is_flowers_own():
    inner = InProcessGrid(client_app, 3, {})
    grid = PatientGrid(inner)
    assert list(grid.get_node_ids()) == list(inner.get_node_ids())
    assert grid.run is inner.run
    message = grid.create_message(RecordDict(), "train", 2, "1")
    assert (message.metadata.dst_node_id, message.metadata.group_id) == (2, "1")
