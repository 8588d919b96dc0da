"""Clients that join a tiny federation without any server: what they are sent is made here."""

import numpy as np

from clients.participant import Participant
from clients.site import make_sites
from fedmtl.config import Plan
from fedmtl.exchange.codec import encode
from fedmtl.exchange.messages import EvaluateInstruction, Federation, Instruction, Version
from fedmtl.exchange.versions import digest
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from tests.federations import tiny


def federation(scenario):
    specs = {spec.name: spec for site in make_sites(scenario).values() for spec in site.tasks}
    return Federation("run", tuple(spec for _, spec in sorted(specs.items())), to_yaml(Plan.of(scenario)), ())


def join(folder, client="a", *overrides):
    scenario = tiny(*overrides)
    return Participant(make_sites(scenario)[client], Snapshots(folder / client), federation(scenario))


def sent(participant):
    """The groups as the server would send them at first."""
    membership = participant.membership()
    return {
        group: encode(participant.model.vectors.read(group))
        for group in (*membership.train, *membership.read)
    }


def versions(groups):
    """What the server says of groups that it sends as they are."""
    return {group: Version(digest(np.frombuffer(sent.data, np.float32))) for group, sent in groups.items()}


def instruct(participant, groups, round_number=1, accepted=0, durable=0):
    federation_ = Federation("run", (), to_yaml(participant.plan), ())
    return Instruction(federation_, round_number, accepted, durable, versions(groups), ())


def ask(participant, groups, *splits, accepted=0):
    federation_ = Federation("run", (), to_yaml(participant.plan), ())
    return EvaluateInstruction(federation_, 1, accepted, 0, versions(groups), (), splits or ("val",))


def decoded(encoded):
    """The vectors of groups that travel as they are."""
    return {group: np.frombuffer(vector.data, np.float32) for group, vector in encoded.items()}


def train(participant, groups, round_number=1, accepted=0, durable=0):
    """A round from these groups: the report, and the updates as vectors."""
    instruction = instruct(participant, groups, round_number, accepted, durable)
    report, updates = participant.train(instruction, groups)
    return report, decoded(updates)


def evaluate(participant, groups, *splits, accepted=0):
    return participant.evaluate(ask(participant, groups, *splits, accepted=accepted), groups)


def assert_equal(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], strict=True)
