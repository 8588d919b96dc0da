"""A scenario tried out before it is run: data checked, every client's model built, one step of each, and the sum of it.

The estimate of time is for clients that are computed one after another on this machine, as the default engine does. It
is without aggregation, checkpoints and the first decoding of each image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clients.site import Site, sites_of
from fedmtl.aggregation import build_method
from fedmtl.config import Plan, Scenario
from fedmtl.data import make_loader
from fedmtl.data.dataset import ClientDataset
from fedmtl.scenario import to_yaml
from fedmtl.training.device import choose_device, set_threads
from server.blueprint import Blueprint
from server.leaving import LeavingGroups
from simulations.preflight import check_scenario
from simulations.rehearsal import Rehearsal, rehearse


@dataclass(frozen=True)
class ClientCost:
    """What a client has to do.

    Attributes:
        steps: optimiser steps a round.
        measured_images: of an evaluation: validation images, and test images where these are measured.
        rehearsal: its own, or that of a client with the same source, tasks and batch.
    """

    client: str
    tasks: tuple[str, ...]
    train_images: int
    val_images: int
    steps: int
    measured_images: int
    rehearsal: Rehearsal


@dataclass(frozen=True)
class DryRun:
    """What a run of a scenario would take.

    Attributes:
        device: torch's name of it.
        evaluations: of the whole run.
        fraction: of the clients, in a round's training.
    """

    scenario: str
    device: str
    rounds: int
    evaluations: int
    fraction: float
    clients: tuple[ClientCost, ...]

    @property
    def seconds(self) -> float:
        """Of the whole run, roughly."""
        training = sum(client.steps * client.rehearsal.step_seconds for client in self.clients)
        measuring = sum(client.measured_images * client.rehearsal.image_seconds for client in self.clients)
        return self.rounds * self.fraction * training + self.evaluations * measuring

    @property
    def bytes_up(self) -> int:
        """From clients to the server in a round."""
        return round(self.fraction * sum(client.rehearsal.bytes_up for client in self.clients))

    @property
    def bytes_down(self) -> int:
        """From the server to clients in a round."""
        return round(self.fraction * sum(client.rehearsal.bytes_down for client in self.clients))


def dry_run(scenario: Scenario) -> DryRun:
    """Try a scenario out; nothing is left behind. Clients that differ in nothing but their images are tried out once.

    Raises:
        ConfigError: a setting does not fit the data or this machine, for example the size of images.
        DataError: a data set is missing or broken; names the file.
        ModelError: the backbone or its weights cannot be had.
        TrainingError: a loss is not finite.
    """
    check_scenario(scenario)
    plan, sites = Plan.of(scenario), sites_of(to_yaml(scenario))
    set_threads(plan.training)
    table = sorted({spec for site in sites.values() for spec in site.tasks}, key=lambda spec: spec.name)
    home = _home(plan, sites)
    tried: dict[tuple[object, ...], Rehearsal] = {}
    costs = []
    for site in sites.values():
        batch = plan.training.batch_size * plan.training.accumulate
        alike = site.source, site.tasks, site.domain, min(batch, len(site.share.train))
        key = (id(alike[0]), *alike[1:])
        if key not in tried:
            tried[key] = rehearse(site, plan, table, home)
        costs.append(_cost(site, scenario, tried[key]))
    every, rounds = scenario.federation.evaluate_every, scenario.rounds
    return DryRun(
        scenario.name,
        str(choose_device(plan.training)),
        rounds,
        math.ceil(rounds / every) if every else 1,
        scenario.federation.fraction,
        tuple(costs),
    )


def _home(plan: Plan, sites: dict[str, Site]) -> tuple[str, ...]:
    """The sums that too few clients would take part in; the method is checked against the whole model on the way."""
    method = build_method(plan.method)
    specs = {spec for site in sites.values() for spec in site.tasks}
    blueprint = Blueprint.build(plan, method, specs, {site.source.channels for site in sites.values()})
    leaving = LeavingGroups(method, plan.privacy.least_holders)
    leaving.look(blueprint, (site.description for site in sites.values()))
    return leaving.home


def _cost(site: Site, scenario: Scenario, rehearsal: Rehearsal) -> ClientCost:
    training, share = scenario.training, site.share
    batches = len(
        make_loader(
            ClientDataset(site.source, share.train, [], site.data), training.batch_size, training=True
        )
    )
    measured = len(share.val) + scenario.federation.evaluate_test * len(share.test)
    return ClientCost(
        site.client,
        tuple(spec.name for spec in site.tasks),
        len(share.train),
        len(share.val),
        training.epochs * math.ceil(batches / training.accumulate),
        measured,
        rehearsal,
    )
