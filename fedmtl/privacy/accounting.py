"""What releases cost together: ε at a δ, by dp-accounting.

What two federations are that shall not be told apart, is for

- `everybody` and `poisson`: one client adds to the sums, or adds nothing. Composed by privacy loss distributions
  (PLD; Koskela et al. 2020, arXiv 1906.03049), rounded up.
- `fixed`: one client is another. The round's number is the same with it or without it, so its place is taken by
  somebody else, and the sums change by up to twice what one client can add: the noise counts half. Bounded by Rényi
  divergences (Wang et al. 2019, arXiv 1808.00087, theorem 27), the only bound that dp-accounting has for it.

The two are not added up: a run has one kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fedmtl.errors import ConfigError
from fedmtl.privacy.release import Release

if TYPE_CHECKING:
    import dp_accounting as library

Releases = Mapping[Release, int]
"""Which releases there were, and how often."""

FINEST = 1e-4
"""dp-accounting's own grid of privacy losses. A coarser one is taken where losses are large, and rounds up as well."""
GRID_POINTS = 200_000
SEARCH_POINTS = 20_000
"""Where many ε are wanted, as when a noise multiplier is looked for: ten times as fast."""
TOLERANCE = 1e-3
"""To which a noise multiplier is found."""


def epsilon(releases: Releases, delta: float, points: int = GRID_POINTS) -> float:
    """What they cost together, ε at `delta`; infinite where one has no noise.

    Args:
        points: of the grid of privacy losses; fewer are faster, and ε is a little more.

    Raises:
        ConfigError: dp-accounting is not installed, or there are releases of two kinds.
    """
    return _epsilon(tuple(sorted(releases.items(), key=repr)), delta, points)


def solve_multiplier(
    release: Callable[[float], Release],
    rounds: int,
    target: float,
    delta: float,
    spent: Releases | None = None,
) -> float:
    """The least noise with which `rounds` releases cost no more than `target` at `delta`.

    Args:
        release: the release of a round, from its noise multiplier.
        spent: releases that were made before.

    Raises:
        ConfigError: no noise is enough, or as in `epsilon`.
    """

    def costs(multiplier: float) -> float:
        one = release(multiplier)
        together = {**(spent or {}), one: rounds + (spent or {}).get(one, 0)}
        return epsilon(together, delta, SEARCH_POINTS)

    high = 1.0
    while costs(high) > target:
        high *= 2
        if high > 2**20:
            raise ConfigError(f"no noise makes {rounds} rounds cost ε = {target:g} or less at δ = {delta:g}")
    low = high / 2
    while low > 2**-6 and costs(low) <= target:
        low, high = low / 2, low
    while high > low * (1 + TOLERANCE):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if costs(middle) <= target else (middle, high)
    return high


@lru_cache(maxsize=512)
def _epsilon(releases: tuple[tuple[Release, int], ...], delta: float, points: int) -> float:
    if not releases:
        return 0.0
    if any(release.multiplier == 0 for release, _ in releases):
        return math.inf
    accountant = _accountant([release for release, _ in releases], _grid(releases, points))
    for release, count in releases:
        accountant.compose(event_of(release), count)
    return float(accountant.get_epsilon(delta))


def event_of(release: Release) -> library.DpEvent:
    """The release in dp-accounting's words.

    Raises:
        ConfigError: dp-accounting is not installed.
    """
    events = _library()
    gaussian = events.GaussianDpEvent(release.multiplier)
    match release.kind:
        case "poisson":
            return events.PoissonSampledDpEvent(release.rate, gaussian)
        case "fixed":
            halved = events.GaussianDpEvent(release.multiplier / 2)
            return events.SampledWithoutReplacementDpEvent(release.clients, release.drawn, halved)
        case _:
            return gaussian


def _accountant(releases: list[Release], grid: float) -> library.PrivacyAccountant:
    events = _library()
    fixed = {release.kind == "fixed" for release in releases}
    if fixed == {True, False}:
        raise ConfigError(
            "rounds of a fixed number of clients cannot be accounted together with rounds of another kind: begin a "
            "new run, or go back to the federation.sampling that this one began with"
        )
    if fixed == {True}:
        from dp_accounting.rdp import RdpAccountant

        return RdpAccountant(neighboring_relation=events.NeighboringRelation.REPLACE_ONE)
    from dp_accounting.pld import PLDAccountant

    return PLDAccountant(events.NeighboringRelation.ADD_OR_REMOVE_ONE, grid)


def _grid(releases: tuple[tuple[Release, int], ...], points: int) -> float:
    """The distance of grid points with which the widest single distribution has no more than `points` of them."""
    grid = FINEST
    for release, count in releases:
        # Of a Gaussian with mean 1/(2z²) and deviation 1/z; dp-accounting composes those of everybody before that.
        noise = release.multiplier / math.sqrt(count if release.kind == "everybody" else 1)
        while grid * points < 1 / (2 * noise**2) + 10 / noise:
            grid *= 10
    return grid


def _library() -> Any:
    try:
        import dp_accounting
    except ImportError as error:
        raise ConfigError("privacy accounting needs dp-accounting: pip install 'fedmtl[privacy]'") from error
    return dp_accounting
