"""Canary clients in a scenario: an ε from one run, beside the accountant's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fedmtl.aggregation import Policy, build_method
from fedmtl.attacks.canary import direction
from fedmtl.checkpoints import load_checkpoint, restore_state
from fedmtl.config import CheckpointConfig, ClientConfig, Plan, Scenario
from fedmtl.config.privacy import NoiseKind
from fedmtl.data import expand_copies
from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.loading import load_newest
from fedmtl.models.groups import Role
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.audits.canary import estimate_epsilon, score
from fedmtl.reporting.audits import Findings, Row
from fedmtl.reporting.events import read_events
from fedmtl.run_directory import RunDirectory
from server.blueprint import Blueprint
from simulations.audits.base import Audit
from simulations.engines import Engine
from simulations.engines import run as run_engine

NAME = "canary"
NEGLIGIBLE = 1e-3
"""A noise multiplier that hides nothing."""
THREAT = (
    "The attacker knows a random direction that a client adds in every round in which it takes part, as long as "
    "clipping allows, and sees what is released: the values of the shared groups after the last round, less the "
    "first. The estimate is of this attacker, with a 95 % interval over the canaries; it is no bound. Canaries are "
    "clients beside the scenario's own, with one image each."
)


@dataclass(frozen=True)
class Canary(Audit):
    """Runs the scenario with canaries among its clients, once as it is and once without noise.

    Args:
        canaries: how many; more of them make the interval narrower, and the noise that they are to each other larger.
        source: whose images they hold; empty: the first client's.
    """

    canaries: int = 20
    source: str = ""

    def examine(self, scenario: Scenario, run: RunDirectory | None, folder: Path) -> Findings:
        """See `Audit.examine`; of a run, its scenario is run again."""
        private = scenario.privacy.client
        if private.noise is NoiseKind.none:
            raise ConfigError(
                "privacy.client.noise is none, so there is no ε to compare with: set it to central or distributed"
            )
        if self.canaries < 2:
            raise ConfigError(f"canaries must be at least 2, not {self.canaries}")
        watched = self._with_canaries(scenario)
        # The clipping stays, so that both runs differ in noise alone.
        silent = replace(watched.privacy.client, multiplier=NEGLIGIBLE, epsilon=None)
        quiet = replace(watched, privacy=replace(watched.privacy, client=silent))
        rows = (
            self._row("as it is", watched, folder / "noisy"),
            self._row("no noise", quiet, folder / "quiet"),
        )
        return Findings(
            "canary",
            f"{self.canaries} canary clients in one run",
            THREAT,
            verdict(rows),
            rows,
        )

    def _with_canaries(self, scenario: Scenario) -> Scenario:
        """The scenario with canaries that hold every task that its clients label on their source."""
        first = next(iter(scenario.clients.values()))
        source = self.source or first.source
        of_source = [client for client in scenario.clients.values() if client.source == source]
        if not of_source:
            raise ConfigError(f"no client has source '{source}', which the canaries shall have")
        if NAME in scenario.clients:
            raise ConfigError(f"a client is called '{NAME}' already, as the audit's will be; rename it")
        every = [task for client in of_source for task in client.tasks]
        tasks = sorted(set(every)) if all(client.tasks for client in of_source) else []
        canary = ClientConfig(
            source=source,
            tasks=tasks,
            sites=of_source[0].sites,
            domain=of_source[0].domain,
            train_images=1,
            copies=self.canaries,
            attack={"name": NAME},
        )
        return replace(
            scenario,
            clients={**scenario.clients, NAME: canary},
            # Shrunk by the noise that there should be, a mean without any would be hidden as if it were noise.
            privacy=replace(scenario.privacy, client=replace(scenario.privacy.client, shrink=False)),
            checkpoint=CheckpointConfig(every=0, keep=1),
            federation=replace(scenario.federation, evaluate_every=0, evaluate_test=False, min_clients=0),
        )

    def _row(self, name: str, scenario: Scenario, folder: Path) -> Row:
        run = RunDirectory.create(folder, scenario)
        run_engine(run, Engine.inprocess)
        released, layouts = _released(run)
        names = [client for client in expand_copies(scenario.clients) if client.startswith(f"{NAME}-")]
        sizes = {group: layouts[group].size for group in _held(run, names[0], layouts)}
        scores = [score(released, direction(scenario.seed, client, sizes)) for client in names]
        found = estimate_epsilon(np.array(scores), scenario.privacy.client.delta)
        costs = [event["epsilon"] for event in read_events(run.metrics) if event["event"] == "privacy"]
        return {
            "run": name,
            "estimated ε": found.value,
            "from": found.low,
            "to": found.high,
            "accounted ε": costs[-1] if costs else None,
            "mean score": float(np.mean(scores)),
            "groups": len(sizes),
            "canaries": len(names),
            "clients": len(expand_copies(scenario.clients)),
            "rounds": scenario.rounds,
        }


def _released(run: RunDirectory) -> tuple[dict[str, Vector], dict[str, Layout]]:
    """What all rounds together added to each group."""
    header, tensors = load_checkpoint(run.checkpoints)
    channels = {client.channels for client in header.clients.values()}
    scenario = run.scenario
    blueprint = Blueprint.build(Plan.of(scenario), build_method(scenario.method), header.tasks, channels)
    state = restore_state(header, tensors, blueprint.layouts)
    return {g: state.groups[g] - blueprint.initial[g] for g in blueprint.layouts}, dict(blueprint.layouts)


def _held(run: RunDirectory, client: str, shared: dict[str, Layout]) -> list[str]:
    """The shared groups that a client trains."""
    model = load_newest(run, client)
    method = build_method(run.scenario.method)
    return [
        group
        for group in GroupVectors(model.network).layouts
        if group in shared
        and model.network.role(group) is Role.train
        and method.policy(group) is Policy.shared
    ]


def verdict(rows: tuple[Row, ...]) -> str:
    """Whether the estimate contradicts the accountant."""
    noisy, quiet = rows
    accounted = noisy["accounted ε"]
    told = f"The canaries' ε is {noisy['estimated ε']:.3g} (95 %: {noisy['from']:.3g} to {noisy['to']:.3g})"
    if isinstance(accounted, float):
        contradicts = float(noisy["from"] or 0) > accounted
        told += f", the accountant's {accounted:.3g}"
        told += ": the accountant is wrong." if contradicts else ", which they do not contradict."
    return f"{told} Without noise, theirs is {quiet['estimated ε']:.3g}."
