"""A SuperNode whose run ended while it received a message, on Flower's own state: the next message is answered."""

import pytest
from flwr.app import Message, RecordDict
from flwr.supercore.fab import Fab
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree
from flwr.supercore.object_store import ObjectStoreFactory
from flwr.supercore.run import Run, RunNotRunningException
from flwr.supercore.task_identity import TaskIdentity
from flwr.supernode import start_client_internal as flower
from flwr.supernode.nodestate import NodeStateFactory

from clients.supernode_process import Turns
from server.control import shipped_app

NODE = 7


class Node:
    """A SuperNode's state, and both its ends: the server that asks, and the ClientApp that answers."""

    def __init__(self, over):
        factory = ObjectStoreFactory()
        self.state, self.store, self.over = NodeStateFactory(factory).state(), factory.store(), over
        self.state.set_node_id(NODE)
        self.sent, self.waiting = [], []

    def receive(self, step, message):
        """One turn of the loop's first half, in which `message` comes."""
        objects = get_all_nested_objects(message)
        return step(
            state=self.state,
            object_store=self.store,
            node_config={},
            receive=lambda: (message, get_object_tree(message)),
            get_run=Run.create_empty,
            get_fab=lambda fab_hash, run: Fab(shipped_app().hash_str, shipped_app().content, {}),
            pull_object=lambda run, name: objects[name].deflate(),
            confirm_message_received=self.confirm,
            trusted_entities=None,
        )

    def confirm(self, run, message_id):
        if run in self.over:
            raise RunNotRunningException

    def send(self, step):
        """One turn of its second half; the ClientApp answers what is waiting while the first reply is sent."""

        def send(message, tree, seconds):
            self.sent.append(message.metadata.reply_to_message_id)
            while self.waiting:
                self.answer(self.waiting.pop())
            if message.metadata.run_id in self.over:
                raise RunNotRunningException
            return set(), ""

        step(state=self.state, object_store=self.store, send=send, push_object=lambda *_: None)

    def answer(self, message):
        flower._insert_message(Message(RecordDict(), reply_to=message), self.state, self.store)


@pytest.fixture
def message(monkeypatch):
    def make(run):
        monkeypatch.setattr(TaskIdentity, "_run_id", run)
        monkeypatch.setattr(TaskIdentity, "_node_id", 1)
        monkeypatch.setattr(TaskIdentity, "_task_id", 1)
        made = Message(RecordDict(), NODE, "train")
        made.metadata.__dict__["_message_id"] = made.object_id
        return made

    return make


@pytest.mark.parametrize("remedy", [True, False], ids=["ours", "Flower's alone"])
def test_the_message_after_one_that_was_ignored_is_answered(remedy, message):
    """Flower's alone is here so that it is noticed when it no longer needs the remedy."""
    turns, node = Turns(), Node(over={1})
    receive, send = (
        (turns.receive, turns.send) if remedy else (flower._pull_and_store_message, flower._push_messages)
    )
    ended, next_ = message(1), message(2)
    assert node.receive(receive, ended) is None
    node.answer(ended)  # the ClientApp was given it nevertheless
    assert node.receive(receive, next_) == 2
    node.waiting.append(next_)
    node.send(send)
    answered = [ended.metadata.message_id, next_.metadata.message_id]
    assert node.sent == (answered if remedy else answered[:1])


def test_where_nothing_was_ignored_each_message_has_one_turn(message):
    turns, node = Turns(), Node(over=set())
    for run in (1, 2):
        asked = message(run)
        assert node.receive(turns.receive, asked) == run
        node.answer(asked)
        node.send(turns.send)
        assert node.sent[-1] == asked.metadata.message_id
    assert len(node.sent) == 2
