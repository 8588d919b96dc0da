"""How the budget of a round is divided among groups of parameters.

A client is in the sums of all groups that it trains, so whoever sees them has as many looks at it. Sums with the noise
multipliers z_g are as good as one with z = (Σ_g z_g⁻²)^(−1/2) over the groups of that client (joint Gaussian; groups
count as one release, because a client is in all of them or in none). The client for which z is the least decides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from fedmtl.errors import ConfigError, did_you_mean


def joint_multiplier(multipliers: Mapping[str, float], held: Iterable[Collection[str]]) -> float:
    """The noise multiplier of a round as one release: the least over clients.

    Args:
        multipliers: group → that of its sum.
        held: the groups of each client that it sends.
    """
    most = max((sum(multipliers[group] ** -2 for group in groups) for groups in held), default=0.0)
    return most**-0.5 if most > 0 else math.inf


def most_groups(held: Iterable[Collection[str]]) -> int:
    """m, the most groups that a client sends, at least 1: with equal multipliers z the joint one is z/√m."""
    return max((len(groups) for groups in held), default=0) or 1


def group_multipliers(
    joint: float, held: Iterable[Collection[str]], shares: Mapping[str, float]
) -> dict[str, float]:
    """Group → the noise multiplier of its sum, such that the round's as one release is `joint`.

    z_g⁻² is in proportion to the group's share.

    Args:
        shares: as in `group_shares`.
    """
    held = list(held)
    share = group_shares({group for groups in held for group in groups}, shares)
    most = max((sum(share[group] for group in groups) for groups in held), default=1.0)
    return {group: joint * math.sqrt(most / share[group]) for group in sorted(share)}


def group_shares(groups: Iterable[str], shares: Mapping[str, float]) -> dict[str, float]:
    """Group → its share, by the first pattern that it matches; 1 where it matches none."""
    return {
        group: next((share for pattern, share in shares.items() if fnmatchcase(group, pattern)), 1.0)
        for group in groups
    }


def check_shares(groups: Collection[str], shares: Mapping[str, float]) -> None:
    """Raises ConfigError where a pattern matches none of the federation's groups."""
    for pattern in shares:
        if not any(fnmatchcase(group, pattern) for group in groups):
            hint = did_you_mean(pattern, groups)
            raise ConfigError(f"privacy.client.shares: no parameter group matches '{pattern}'; {hint}")
