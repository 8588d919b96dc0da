"""What a scenario costs in differential privacy of its clients, before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import fedmtl
from clients.site import Site, make_sites
from fedmtl.aggregation import Clock, Method, build_method
from fedmtl.aggregation.traffic import Traffic
from fedmtl.config import Plan, Sampling, Scenario
from fedmtl.config.privacy import NoiseKind
from fedmtl.drawing import Draw
from fedmtl.errors import ConfigError
from fedmtl.exchange.messages import Description
from fedmtl.models.groups import Role
from fedmtl.privacy.accounting import SEARCH_POINTS, Releases, epsilon
from fedmtl.privacy.client_level import plan_round, release_of
from fedmtl.privacy.fitness import check_client_privacy
from fedmtl.privacy.holders import Sum, sum_of
from fedmtl.privacy.noise_shares import check_shares
from server.blueprint import Blueprint
from server.leaving import LeavingGroups

NOISES = (0.5, 1.0, 2.0, 4.0)
ROUNDS = (0.5, 1.0, 2.0)
"""What the table has, as multiples of the scenario's."""
RATES = (1.0, 0.5, 0.1)
"""Shares of the clients, beside the scenario's."""


@dataclass(frozen=True)
class Account:
    """The price of a scenario.

    Attributes:
        draw: how each round's clients are drawn.
        most_groups: that a client sends in a round.
        multiplier: the least noise in a group's sum, over what one client can add to it.
        joint: the least noise of a round as one release.
        releases: of all rounds.
        epsilon: what they cost together.
    """

    scenario: Scenario
    draw: Draw
    most_groups: int
    multiplier: float
    joint: float
    releases: Releases
    epsilon: float


@dataclass(frozen=True)
class Alternative:
    """What it would cost with other noise, rounds or sampling; `rate` is the share of the clients in a round."""

    multiplier: float
    rounds: int
    sampling: str
    rate: float
    epsilon: float


def account(scenario: Scenario) -> Account:
    """The price of a scenario as it is.

    Raises:
        ConfigError: it has no noise, shares nothing, or has noise that its other settings rule out.
        DataError: a source cannot be opened.
    """
    config, plan, method = scenario.privacy.client, Plan.of(scenario), build_method(scenario.method)
    if config.noise is NoiseKind.none:
        raise ConfigError("privacy.client.noise is none, which has no finite ε: set central or distributed")
    check_client_privacy(plan, method)
    taken = _sums(plan, method, list(make_sites(scenario).values()))
    check_shares({one.group for sums in taken.values() for one in sums}, config.shares)
    draw = Draw(scenario.federation.sampling, len(taken), scenario.federation.fraction)
    mechanisms, most = [], 0
    for number in range(1, scenario.rounds + 1):
        clock = Clock(number, scenario.rounds)
        held = {
            client: [one for one in sums if one.group in Traffic(method, [one.group], ()).up(clock)]
            for client, sums in taken.items()
        }
        most = max(most, *map(len, held.values()))
        if any(held.values()):
            mechanisms.append(plan_round(config, draw, scenario.rounds, held, {}))
    if not mechanisms:
        raise ConfigError(f"method.name: '{scenario.method['name']}' shares no group, so nothing is released")
    releases = Counter(mechanism.release for mechanism in mechanisms)
    return Account(
        scenario,
        draw,
        most,
        min(min(mechanism.multipliers.values()) for mechanism in mechanisms),
        min(release.multiplier for release in releases),
        releases,
        epsilon(releases, config.delta),
    )


def alternatives(account: Account) -> list[Alternative]:
    """ε with other noise, rounds and sampling, the scenario's among them; every round is as its most costly one."""
    config, own = account.scenario.privacy.client, account.draw
    draws = [own, *(Draw(Sampling.poisson, own.clients, rate) for rate in RATES)]
    if config.noise is NoiseKind.distributed:  # for which drawing makes no difference
        draws = [own]
    found = {}
    for draw in draws:
        for rounds in sorted({max(round(account.scenario.rounds * factor), 1) for factor in ROUNDS}):
            for noise in NOISES:
                release = release_of(config, draw, account.joint * noise)
                name = "everybody" if release.kind == "everybody" else draw.sampling.value
                key = (release, rounds)
                found[key] = Alternative(
                    account.multiplier * noise,
                    rounds,
                    name,
                    draw.rate,
                    epsilon({release: rounds}, config.delta, SEARCH_POINTS),
                )
    return list(found.values())


def _sums(plan: Plan, method: Method, sites: Sequence[Site]) -> dict[str, list[Sum]]:
    """The sums that each client takes part in, in some round."""
    clients = [_description(site) for site in sites]
    specs = {spec for client in clients for spec in client.tasks}
    blueprint = Blueprint.build(plan, method, specs, {client.channels for client in clients})
    leaving = LeavingGroups(method, plan.privacy.least_holders)
    leaving.look(blueprint, clients)
    return {
        client.client: [
            sum_of(method, group, client.domain) for group in leaving.groups_of(blueprint, client, Role.train)
        ]
        for client in clients
    }


def _description(site: Site) -> Description:
    """The client as far as it matters here, and without a look into its files."""
    labelled = {
        spec.name: int(any(site.source.has_label(image, spec.name) for image in site.share.train))
        for spec in site.tasks
    }
    return Description(
        client=site.client,
        tasks=site.tasks,
        channels=site.source.channels,
        images=1,
        val_images=0,
        test_images=0,
        labelled=labelled,
        version=fedmtl.__version__,
        domain=site.domain,
        codecs=(),
        counted=False,
    )
