"""Messages out, replies in: always in the order of the messages, each from the node that was asked."""

import itertools
import random
import time
import weakref

import pytest
from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode

from clients.app import app as client_app
from server.delivery import NO_ANSWER, PULLED_AT_ONCE, deliver, is_lost
from simulations.inprocess import InProcessGrid

NODES = (11, 12, 13, 14)


@pytest.fixture(autouse=True, scope="module")
def identity():
    """Messages can be made where a grid has told Flower who the server is."""
    InProcessGrid(client_app, 0, {})


class Mail:
    """A grid whose replies arrive in a script's order: each pull brings the next batch of message numbers.

    Args:
        refused: the numbers of the messages that it does not take.
    """

    def __init__(self, script, reply=None, refused=()):
        self.script = iter(script)
        self.reply = reply or answer
        self.refused = refused
        self.asked = {}
        self.pulled = []

    def push_messages(self, messages):
        for number, message in enumerate(messages):
            message.metadata.__dict__["_message_id"] = f"m{number}"
            self.asked[f"m{number}"] = message
        return ["" if number in self.refused else message_id for number, message_id in enumerate(self.asked)]

    def pull_messages(self, ids):
        self.pulled.append(list(ids))
        batch = [f"m{number}" for number in next(self.script, [])]
        assert set(batch) <= set(ids), "pulled what was not open"
        return [self.reply(self.asked[message_id]) for message_id in batch]


def answer(asked):
    return Message(RecordDict({"x": ConfigRecord({"node": asked.metadata.dst_node_id})}), reply_to=asked)


def messages():
    return [Message(RecordDict(), node, "train") for node in NODES]


def nodes(replies):
    return [reply.metadata.src_node_id for reply in replies]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_whatever_arrives_first_replies_come_in_the_order_of_the_messages(order):
    one_by_one = [[number] for number in order]
    replies = list(deliver(Mail(one_by_one), messages(), timeout=30))
    assert nodes(replies) == list(NODES)
    assert [reply.content["x"]["node"] for reply in replies] == list(NODES)


def test_replies_that_arrive_together_and_after_empty_pulls():
    rng = random.Random(0)
    for _ in range(50):
        numbers = rng.sample(range(4), 4)
        cut = rng.randrange(5)
        mail = Mail([numbers[:cut], numbers[cut:]])
        assert nodes(deliver(mail, messages(), timeout=30)) == list(NODES)


def test_a_reply_is_yielded_before_later_ones_are_waited_for():
    mail = Mail([[0], [1], [2], [3]])
    replies = deliver(mail, messages(), timeout=30)
    next(replies)
    assert len(mail.pulled) == 1
    next(replies)
    assert len(mail.pulled) == 2


def test_what_has_arrived_is_not_asked_for_again():
    mail = Mail([[2], [0], [1], [3]])
    list(deliver(mail, messages(), timeout=30))
    assert mail.pulled == [["m0", "m1", "m2", "m3"], ["m0", "m1", "m3"], ["m1", "m3"], ["m3"]]


def test_few_are_pulled_at_a_time_and_none_before_it_is_wanted():
    many = [Message(RecordDict(), node, "train") for node in range(2, 2 + 3 * PULLED_AT_ONCE)]
    mail = Mail([range(begin, begin + PULLED_AT_ONCE) for begin in range(0, len(many), PULLED_AT_ONCE)])
    replies = deliver(mail, many, timeout=1000)
    for place, _ in enumerate(replies):
        assert len(mail.pulled) == place // PULLED_AT_ONCE + 1
    assert {len(ids) for ids in mail.pulled} == {PULLED_AT_ONCE}


def test_while_one_is_waited_for_all_others_are_taken():
    count = 2 * PULLED_AT_ONCE
    many = [Message(RecordDict(), node, "train") for node in range(2, 2 + count)]
    mail = Mail([range(1, PULLED_AT_ONCE), range(PULLED_AT_ONCE, count), [0]])
    replies = deliver(mail, many, timeout=1000)
    next(replies)
    assert len(list(replies)) == count - 1
    assert len(mail.pulled) == 3


def test_with_little_time_left_all_that_is_there_is_taken_at_once():
    """Flower forgets a reply at the deadline."""
    count = 2 * PULLED_AT_ONCE
    many = [Message(RecordDict(), node, "train") for node in range(2, 2 + count)]
    mail = Mail([range(count)])
    assert not any(reply.has_error() for reply in deliver(mail, many, timeout=1e-9))
    assert [len(ids) for ids in mail.pulled] == [count]


def test_a_reply_is_forgotten_when_it_is_yielded():
    forgotten = []

    def noted(asked):
        reply = answer(asked)
        weakref.finalize(reply, forgotten.append, asked.metadata.dst_node_id)
        return reply

    replies = deliver(Mail([[0, 1, 2, 3]], noted), messages(), timeout=30)
    for place, node in enumerate(NODES):
        reply = next(replies)
        assert forgotten == list(NODES[:place])
        del reply
        assert forgotten[-1] == node


def test_a_reply_that_never_comes_becomes_an_error_and_the_others_arrive():
    began = time.monotonic()
    replies = list(deliver(Mail([[3], [0], [2]]), messages(), timeout=0.2))
    assert nodes(replies) == list(NODES)
    assert [reply.has_error() for reply in replies] == [False, True, False, False]
    assert replies[1].error.code == NO_ANSWER
    assert replies[1].error.reason == "did not answer within 0.2 s"
    assert 0.2 <= time.monotonic() - began < 30


def test_computing_in_a_pull_is_not_waiting():
    """However long the earlier ones took, what is there at the deadline still counts."""
    replies = list(deliver(Mail([[0], [1], [2], [3]]), messages(), timeout=1e-9))
    assert not any(reply.has_error() for reply in replies)


def test_an_error_is_the_asked_nodes_whoever_sends_it():
    def unavailable(asked):
        reply = Message(Error(5, "node unavailable"), reply_to=asked)
        reply.metadata.__dict__["_src_node_id"] = SUPERLINK_NODE_ID
        return reply

    replies = list(deliver(Mail([[1, 0], [3, 2]], unavailable), messages(), timeout=30))
    assert nodes(replies) == list(NODES)
    assert {reply.error.reason for reply in replies} == {"node unavailable"}


def test_another_nodes_answer_is_an_error_of_the_asked_node():
    def impostor(asked):
        reply = answer(asked)
        if asked.metadata.dst_node_id == 12:
            reply.metadata.__dict__["_src_node_id"] = 14
        return reply

    replies = list(deliver(Mail([[0, 1, 2, 3]], impostor), messages(), timeout=30))
    assert nodes(replies) == list(NODES)
    assert [reply.has_error() for reply in replies] == [False, True, False, False]
    assert replies[1].error.reason == "was answered for by node 14"


@pytest.mark.parametrize("refused", [(0,), (1, 2), (3,), (0, 1, 3), (0, 1, 2, 3)])
def test_a_message_that_is_not_taken_becomes_an_error_at_once(refused):
    """Flower gives it an empty id; its node was unregistered, for example."""
    taken = [number for number in range(4) if number not in refused]
    mail = Mail([taken], refused=refused)
    replies = list(deliver(mail, messages(), timeout=30))
    assert nodes(replies) == list(NODES)
    assert [place for place, reply in enumerate(replies) if reply.has_error()] == list(refused)
    for place in refused:
        assert is_lost(replies[place])
        assert replies[place].error.reason == "was not asked: SuperLink did not take the message to it"
    assert mail.pulled == ([[f"m{number}" for number in taken]] if taken else [])


def test_where_flower_gives_no_ids_every_message_becomes_an_error(monkeypatch):
    """It gives none where all of them together are too large."""
    mail = Mail([])
    monkeypatch.setattr(mail, "push_messages", lambda messages: [])
    replies = list(deliver(mail, messages(), timeout=30))
    assert nodes(replies) == list(NODES)
    assert all(is_lost(reply) for reply in replies)
    assert not mail.pulled


def test_nothing_to_deliver():
    assert list(deliver(Mail([]), [], timeout=30)) == []


@pytest.mark.parametrize(
    ("code", "lost"),
    [
        (NO_ANSWER, True),
        (ErrorCode.NODE_UNAVAILABLE, True),
        (ErrorCode.MESSAGE_UNAVAILABLE, True),
        (ErrorCode.REPLY_MESSAGE_UNAVAILABLE, True),
        (ErrorCode.CLIENT_APP_CRASHED, True),
        (ErrorCode.CLIENT_APP_RAISED_EXCEPTION, False),
        (ErrorCode.LOAD_CLIENT_APP_EXCEPTION, False),
        (1000, False),
    ],
)
def test_an_error_that_the_client_did_not_answer_with_is_a_loss(code, lost):
    assert is_lost(Message(Error(code, "why"), reply_to=messages()[0])) is lost


def test_an_answer_is_none():
    assert not is_lost(answer(messages()[0]))
