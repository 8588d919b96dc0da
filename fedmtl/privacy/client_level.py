"""The noise of one round, for differential privacy of whole clients: one client with all of its groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fedmtl.config import Sampling
from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind
from fedmtl.drawing import Draw
from fedmtl.errors import ConfigError
from fedmtl.privacy.accounting import solve_multiplier
from fedmtl.privacy.adaptive_clipping import count_deviation, sums_multiplier
from fedmtl.privacy.clipping import WHOLE, Bounds
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.noise_shares import group_multipliers, joint_multiplier, most_groups
from fedmtl.privacy.release import Release


@dataclass(frozen=True)
class Mechanism:
    """What is done to a round's updates before anybody sees what they add up to.

    Attributes:
        by: what is clipped,
        bounds: and to which norms.
        multipliers: group → the standard deviation of the noise in its sum, over its bound.
        counts: bound → the standard deviation of the noise in the count of the clients within it; empty where bounds
            do not adapt.
        expected: sum → how many clients are in it on average, by which it is divided: how many came would tell who did.
        counted: bound → how many clients are counted on average.
        release: all of it, as the accountant sees it.
    """

    by: ClipKind
    bounds: Bounds
    multipliers: Mapping[str, float]
    counts: Mapping[str, float]
    expected: Mapping[Sum, float]
    counted: Mapping[str, float]
    release: Release

    def deviation(self, group: str) -> float:
        """The standard deviation of the noise in a sum of the group."""
        return self.multipliers[group] * self.bounds[group if self.by is ClipKind.group else WHOLE]


def plan_round(
    config: ClientPrivacyConfig,
    draw: Draw,
    rounds: int,
    held: Mapping[str, Collection[Sum]],
    bounds: Bounds,
) -> Mechanism:
    """The mechanism of a round.

    With `epsilon` and no `multiplier`, the noise is the least with which `rounds` such rounds cost no more.

    Args:
        held: each client's sums, of all clients that may be drawn.
        bounds: as they have adapted so far; those that are not in it are `config.clip`.

    Raises:
        ConfigError: there is no such noise, or dp-accounting is not installed.
    """
    by_client = [{one.group for one in sums} for sums in held.values()]
    groups = {group for own in by_client for group in own}
    flat = config.clip_by is ClipKind.flat
    most = 1 if flat else most_groups(by_client)
    joint = config.multiplier / most**0.5 if config.multiplier else _solve(config, draw, rounds)
    multipliers = (
        dict.fromkeys(sorted(groups), joint) if flat else group_multipliers(joint, by_client, config.shares)
    )
    # Not `joint` itself: what is accounted follows from the noise that is added.
    release = release_of(config, draw, joint if flat else joint_multiplier(multipliers, by_client))
    names = [WHOLE] if flat else sorted(groups)
    counts: dict[str, float] = {}
    if config.adaptive_quantile is not None:
        counts = {name: count_deviation(joint if flat else multipliers[name]) for name in names}
        multipliers = {group: sums_multiplier(value) for group, value in multipliers.items()}
    holders = Counter(one for sums in held.values() for one in sums)
    members = Counter(name for own in by_client if own for name in ([WHOLE] if flat else own))
    return Mechanism(
        config.clip_by,
        {name: bounds.get(name, config.clip) for name in names},
        multipliers,
        counts,
        {one: draw.rate * count for one, count in sorted(holders.items())},
        {name: draw.rate * members[name] for name in counts},
        release,
    )


def release_of(config: ClientPrivacyConfig, draw: Draw, multiplier: float) -> Release:
    """A round's release with this noise. Under secure sums the server knows who is in a sum: drawing hides nobody."""
    if config.noise is NoiseKind.distributed or draw.fraction == 1:
        return Release.everybody(multiplier)
    if draw.sampling is Sampling.poisson:
        return Release.poisson(multiplier, draw.fraction)
    # Even where these are all: next round's clients may be more, and a run's releases are accounted as one kind.
    return Release.fixed(multiplier, draw.count, draw.clients)


def _solve(config: ClientPrivacyConfig, draw: Draw, rounds: int) -> float:
    if config.epsilon is None:
        raise ConfigError("privacy.client.noise: needs privacy.client.multiplier or privacy.client.epsilon")
    return solve_multiplier(
        lambda multiplier: release_of(config, draw, multiplier), rounds, config.epsilon, config.delta
    )
