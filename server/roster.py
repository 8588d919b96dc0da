"""Who takes part: nodes describe their clients, their tasks are merged into one table, and they join it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import NamedTuple

from flwr.app import Message
from flwr.serverapp import Grid

from fedmtl.aggregation import Method
from fedmtl.config import Plan
from fedmtl.errors import ExchangeError, RunError, TooFewClientsError
from fedmtl.exchange.codecs import check_known
from fedmtl.exchange.layout import Layout
from fedmtl.exchange.messages import Description, Federation, Inquiry, Membership
from fedmtl.models.groups import Role, weighted_by
from fedmtl.privacy.secure_messages import SecureMembership
from fedmtl.privacy.secure_sum import PublicKey, check_public_key
from fedmtl.scenario import to_yaml
from fedmtl.tasks import TaskSpec
from fedmtl.training.statistics import statistics_size
from server.blueprint import Blueprint
from server.delivery import deliver, is_lost
from server.leaving import LeavingGroups
from server.messages import content_of, message
from server.signatures import NOBODY_SIGNS, Signatures

logger = logging.getLogger("flwr")
"""Flower shows its own lines to whoever follows the run."""

POLL_SECONDS = 0.2
HANDSHAKE_TIMEOUT = 300.0
"""Seconds that a client has to describe itself or to join; the first answer imports torch and reads data."""
RETRY_SECONDS = 60.0
"""How long a node is left alone that did not answer; one that answered, and was refused, is not asked again."""


@dataclass(frozen=True)
class Member:
    """A client that joined.

    Attributes:
        node: where it answers today.
        trains: layouts of the shared groups that it trains and sends.
        reads: layouts of those that it only receives.
        held: the digests of the values that it had when it joined.
        key: for secure sums, where there are any.
    """

    node: int
    description: Description
    trains: Mapping[str, Layout]
    reads: Mapping[str, Layout]
    held: Collection[str] = ()
    key: PublicKey | None = None

    @cached_property
    def largest_weights(self) -> Mapping[str, int]:
        """The most that each group it trains can weigh: its images, or its labels of the group's task."""
        tasks = {group: weighted_by(group) for group in self.trains}
        labelled = self.description.labelled
        return {
            group: self.description.images if task is None else labelled[task]
            for group, task in tasks.items()
        }

    @cached_property
    def statistics_sizes(self) -> Mapping[str, int]:
        """The length of each of its tasks' statistics vectors."""
        return {spec.name: statistics_size(spec) for spec in self.description.tasks}


class _Refusal(NamedTuple):
    """Why a node is no member, and until when (as of `time.monotonic`) it is not asked again."""

    why: str
    until: float


@dataclass
class Roster:
    """The members of a federation, by client name.

    Args:
        on_failure: called with (client or node, phase, what is wrong) when one cannot be admitted.
        leaving: which groups do.
        signatures: what shows whose an answer is.
        keys: client → its key for secure sums as it was first seen; written to.
    """

    plan: Plan
    method: Method
    run: str
    on_failure: Callable[[str, str, str], None]
    blueprint: Blueprint
    leaving: LeavingGroups
    signatures: Signatures = NOBODY_SIGNS
    keys: dict[str, str] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    _refused: dict[int, _Refusal] = field(default_factory=dict)

    def wait_for(self, grid: Grid, clients: int, timeout: float) -> None:
        """Admit whoever is there until `clients` have joined.

        Raises:
            TooFewClientsError: they have not after `timeout` seconds.
            RunError: too many were refused for that.
        """
        deadline, pause = time.monotonic() + timeout, Event()
        self.refresh(grid)
        told = -1
        while len(self.members) < clients:
            final = sum(refusal.until == math.inf for refusal in self._refused.values())
            if final and len(self.members) + final >= clients:
                raise RunError(f"only {len(self.members)} of {clients} clients joined: {self._refusals()}")
            if told != len(self.members):
                told = len(self.members)
                logger.info("%d of %d clients have joined; waiting for more nodes", told, clients)
                logger.info("(a simulation has num-supernodes of them, and each is one client)")
            if time.monotonic() > deadline:
                waited = f"{len(self.members)} of {clients} clients joined within {timeout:g} s"
                raise TooFewClientsError(f"{waited}: {self._refusals()}" if self._refused else waited)
            pause.wait(POLL_SECONDS)
            self.refresh(grid)

    def refresh(self, grid: Grid) -> None:
        """Admit the nodes that are new or did not answer before, and forget the clients whose nodes are gone."""
        nodes = set(grid.get_node_ids())
        staying = {name: member for name, member in self.members.items() if member.node in nodes}
        if len(staying) < len(self.members):
            self._refused.clear()  # one of them may be the same client on a new node
        self.members = staying
        now = time.monotonic()
        self._refused = {
            node: refusal for node, refusal in self._refused.items() if node in nodes and now < refusal.until
        }
        known = {member.node for member in self.members.values()} | set(self._refused)
        newcomers = self._describe(grid, sorted(nodes - known))
        if newcomers:
            everyone = {name: (m.node, m.description) for name, m in self.members.items()} | newcomers
            extended = self._extend(everyone)
            changed = self.leaving.look(self.blueprint, [description for _, description in everyone.values()])
            self._join(grid, everyone if extended or changed else newcomers)

    def settle(self) -> frozenset[str] | None:
        """Decide which sums are taken in this run, as in `LeavingGroups.settle`."""
        return self.leaving.settle(self.blueprint, [member.description for member in self.members.values()])

    @property
    def federation(self) -> Federation:
        """What every member is told."""
        return Federation(self.run, self.blueprint.tasks, self._plan_yaml, self.leaving.home)

    @cached_property
    def _plan_yaml(self) -> str:
        return to_yaml(self.plan)

    def _describe(self, grid: Grid, nodes: list[int]) -> dict[str, tuple[int, Description]]:
        """The clients behind `nodes` whose names and tasks are acceptable, by name."""
        described: dict[str, tuple[int, Description]] = {}
        node_of = {name: member.node for name, member in self.members.items()}
        table = {spec.name: (spec, "the federation") for spec in self.blueprint.tasks}
        inquiry = Inquiry(not self.plan.privacy.secure_sums)
        asks = [message(node, "query.describe", inquiry) for node in nodes]
        for node, reply in self._ask(grid, asks, "describe", {}):
            who = f"node {node}"
            try:
                description = Description.from_json(content_of(reply)[0])
                self.signatures.check(description.client, reply)
                if description.client in node_of:
                    other = node_of[description.client]
                    raise ExchangeError(f"calls itself '{description.client}', as node {other} does")
                who = description.client
                check_known(description.codecs, self.plan.exchange)
                if inquiry.counted and not description.counted:
                    raise ExchangeError("does not say how many images it has, without privacy.secure_sums")
                for spec in description.tasks:
                    _check_meaning(spec, *table.get(spec.name, (spec, "")))
            except ExchangeError as error:
                self._refuse(node, who, "describe", str(error))
                continue
            described[who] = node, description
            node_of[who] = node
            for spec in description.tasks:
                table.setdefault(spec.name, (spec, f"client '{description.client}'"))
        return described

    def _extend(self, clients: Mapping[str, tuple[int, Description]]) -> bool:
        """Rebuild the blueprint if these clients bring tasks or kinds of input that it lacks."""
        specs = {spec for _, description in clients.values() for spec in description.tasks}
        channels = {description.channels for _, description in clients.values()}
        if specs <= set(self.blueprint.tasks) and channels <= set(self.blueprint.channels):
            return False
        specs |= set(self.blueprint.tasks)
        channels |= set(self.blueprint.channels)
        self.blueprint = Blueprint.build(self.plan, self.method, specs, channels)
        return True

    def _join(self, grid: Grid, clients: Mapping[str, tuple[int, Description]]) -> None:
        """Tell each client the table, and admit it if it computes the same groups from it."""
        names = sorted(clients)
        asks = [message(clients[name][0], "query.join", self.federation) for name in names]
        answers = dict(self._ask(grid, asks, "join", {clients[name][0]: name for name in names}))
        for name in names:
            node, description = clients[name]
            self.members.pop(name, None)
            if node not in answers:
                continue
            trains = self.leaving.groups_of(self.blueprint, description, Role.train)
            reads = self.leaving.groups_of(self.blueprint, description, Role.read)
            try:
                membership, key = self._membership(name, answers[node])
                _check_digests(membership.train, trains, "trains")
                _check_digests(membership.read, reads, "reads")
                self.members[name] = Member(node, description, trains, reads, membership.held, key)
            except ExchangeError as error:
                self._refuse(node, name, "join", str(error))
        self.members = dict(sorted(self.members.items()))

    def _membership(self, client: str, answer: Message) -> tuple[Membership, PublicKey | None]:
        """What a client makes of the federation, and its key where there are secure sums."""
        text, _ = content_of(answer)
        self.signatures.check(client, answer)
        if not self.plan.privacy.secure_sums:
            return Membership.from_json(text), None
        membership = SecureMembership.from_json(text)
        check_public_key(client, self.run, membership.key, self.signatures.roster_key(client))
        key = membership.key.key.hex()
        if self.keys.setdefault(client, key) != key:
            raise ExchangeError("has lost its key for secure sums: it can take part in the next run")
        return membership, membership.key

    def _ask(
        self, grid: Grid, asks: list[Message], phase: str, names: Mapping[int, str]
    ) -> list[tuple[int, Message]]:
        """(node, answer) of all that are not errors; `names` are those of the nodes, as far as known."""
        answers = []
        for reply in deliver(grid, asks, HANDSHAKE_TIMEOUT):
            node = reply.metadata.src_node_id
            try:
                content_of(reply)
                answers.append((node, reply))
            except ExchangeError as error:
                until = time.monotonic() + RETRY_SECONDS if is_lost(reply) else math.inf
                self._refuse(node, names.get(node, f"node {node}"), phase, str(error), until)
        return answers

    def _refusals(self) -> str:
        return "; ".join(refusal.why for refusal in self._refused.values())

    def _refuse(self, node: int, client: str, phase: str, why: str, until: float = math.inf) -> None:
        self._refused[node] = _Refusal(f"{client} {why}", until)
        self.on_failure(client, phase, why)


def _check_meaning(spec: TaskSpec, known: TaskSpec, whose: str) -> None:
    if spec != known:
        raise ExchangeError(
            f"means by task '{spec.name}' {_meaning(spec)}, but {whose} means {_meaning(known)}; rename one"
        )


def _meaning(spec: TaskSpec) -> str:
    return (
        f"{spec.kind} of {len(spec.classes)} classes ({', '.join(spec.classes)})"
        if spec.classes
        else spec.kind
    )


def _check_digests(digests: Mapping[str, str], layouts: Mapping[str, Layout], verb: str) -> None:
    if missing := sorted(set(layouts) - set(digests)):
        raise ExchangeError(
            f"does not list group '{missing[0]}', which it {verb} by the server's config: its fedmtl or its model "
            "config differs from the server's"
        )
    if surplus := sorted(set(digests) - set(layouts)):
        raise ExchangeError(f"{verb} group '{surplus[0]}', which is not for it in this federation")
    for group, layout in layouts.items():
        if digests[group] != layout.digest:
            raise ExchangeError(
                f"has other tensors in group '{group}': its fedmtl, timm or model config differs from the server's"
            )
