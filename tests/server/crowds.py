"""Nodes that come, go and answer nothing or something else, for tests of rosters."""

from flwr.app import Context, Error, Message, RecordDict
from flwr.common.constant import ErrorCode

from fedmtl.aggregation import build_method
from fedmtl.config import Plan
from server.blueprint import Blueprint
from server.leaving import LeavingGroups
from server.roster import Roster
from tests.federations import CLIENTS, Wire, kind_of, payload_of, reply_with

NODES = dict(zip(CLIENTS, (2, 3, 4), strict=True))


class Crowd(Wire):
    """A grid whose nodes come and go; a client may be behind several nodes, one after another or at once."""

    def __init__(self, directory, present=(2, 3, 4), alter=None):
        super().__init__(directory, alter)
        self.present = list(present)

    def get_node_ids(self):
        return self.present

    def add_node(self, node, client):
        known = self._contexts[NODES[client]]
        self._contexts[node] = Context(known.run_id, node, known.node_config, RecordDict(), known.run_config)
        self.present.append(node)

    def asked(self, kind):
        return [asked.metadata.dst_node_id for asked, _ in self.carried if kind_of(asked) == kind]


class Hushed(Crowd):
    """A crowd in which a node's first answers to a kind of message are lost."""

    def __init__(self, directory, node, kind, times):
        super().__init__(directory, alter=self._lose)
        self.node, self.kind, self.times = node, kind, times

    def _lose(self, asked, reply):
        if self.times and asked.metadata.dst_node_id == self.node and kind_of(asked) == self.kind:
            self.times -= 1
            return Message(Error(ErrorCode.NODE_UNAVAILABLE, "is gone"), reply_to=asked)
        return reply


def make(directory):
    """A roster and the failures that it reports."""
    failures = []
    plan, method = Plan.of(directory.scenario), build_method(directory.scenario.method)
    run = directory.identity["run"]
    leaving = LeavingGroups(method, plan.privacy.least_holders)
    return Roster(
        plan, method, run, lambda *failure: failures.append(failure), Blueprint(), leaving
    ), failures


def answering(node, kind, change):
    """Replies of `node` to `kind`, their payload edited in place by `change`."""

    def alter(asked, reply):
        if kind_of(asked) != kind or asked.metadata.dst_node_id != node:
            return reply
        payload = payload_of(reply)
        change(payload)
        return reply_with(asked, payload, {})

    return alter
