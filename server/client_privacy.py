"""Differential privacy of whole clients, on the server: each round's noise, the ledger, and the budget."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from fedmtl.aggregation import Method, Round
from fedmtl.checkpoints import ServerState
from fedmtl.config import Plan
from fedmtl.config.privacy import NoiseKind
from fedmtl.drawing import Draw
from fedmtl.errors import BudgetSpentError
from fedmtl.exchange.layout import Layout
from fedmtl.privacy.accounting import epsilon
from fedmtl.privacy.adaptive_clipping import next_bounds
from fedmtl.privacy.client_level import Mechanism, plan_round
from fedmtl.privacy.client_noise import margin
from fedmtl.privacy.denoising import Denoised
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.ledger import Ledger
from fedmtl.privacy.noise_shares import check_shares
from fedmtl.privacy.noisy_sums import NoisySums
from server.journal import Journal


class ClientPrivacy:
    """What stands between clients' updates and the method. Without noise it lets everything through.

    Args:
        state: has the bounds, where they adapt, and the number of releases.

    Attributes:
        mechanism: the round's; None where nothing is noised, or nothing is released.
    """

    def __init__(
        self, plan: Plan, method: Method, state: ServerState, ledger: Ledger, journal: Journal
    ) -> None:
        self._config, self._rounds, self._method = plan.privacy.client, plan.rounds, method
        self._least_holders = plan.privacy.least_holders
        self._state, self._ledger, self._journal = state, ledger, journal
        self.mechanism: Mechanism | None = None
        self._sums: NoisySums | None = None
        self._denoised: Denoised | None = None

    @property
    def hides_who(self) -> bool:
        """Whether nobody may know which clients a round has drawn: that is a part of what the server's noise hides.

        Where clients add it, whoever is in a sum is known, and a round that is done again needs the same clients.
        """
        return self._config.noise is NoiseKind.central

    @property
    def expected(self) -> Mapping[Sum, float]:
        """Sum → by what it is divided, where that must not be the number of those who came; empty without noise."""
        return self.mechanism.expected if self.mechanism else {}

    def multipliers(self, groups: Iterable[str]) -> dict[str, float]:
        """Group → the noise that clients add to its sum, over its bound; empty without noise."""
        return {group: self.mechanism.multipliers[group] for group in groups} if self.mechanism else {}

    def margin(self, least_holders: int) -> float:
        """The room for one client's noise in a secure sum."""
        return margin(self.mechanism, least_holders) if self.mechanism else 0.0

    def plan_round(self, draw: Draw, held: Mapping[str, Collection[Sum]]) -> None:
        """Settle the noise of the round that begins.

        Args:
            held: each member's sums in this round.

        Raises:
            BudgetSpentError: its release would cost more than is left.
            ConfigError: there is no such noise, or a share is for a group that there is not.
        """
        self.mechanism = None
        config = self._config
        if config.noise is NoiseKind.none or not any(held.values()):
            return
        check_shares({one.group for sums in held.values() for one in sums}, config.shares)
        self.mechanism = plan_round(config, draw, self._rounds, held, self._state.bounds)
        cost = self._cost_with(self.mechanism)
        if config.epsilon is not None and cost > config.epsilon:
            spent = epsilon(self._ledger.releases, config.delta)
            raise BudgetSpentError(
                f"privacy.client.epsilon: of {config.epsilon:g} at δ = {config.delta:g}, {spent:.4g} are spent by "
                f"{len(self._ledger.entries)} releases, and another makes it {cost:.4g}; the run stops here, and goes "
                "on only with a larger budget in its config.yaml"
            )

    def joins(self, method_round: Round, layouts: Mapping[str, Layout]) -> Round:
        """The method's round, behind the server's noise where the server adds it."""
        if self.mechanism is None or self._config.noise is not NoiseKind.central:
            return method_round
        sizes = {group: layout.size for group, layout in layouts.items()}
        mechanism = self.mechanism
        means = {one: mechanism.deviation(one.group) / number for one, number in mechanism.expected.items()}
        inner = self._shrunk(method_round, means)
        self._sums = NoisySums(inner, self._method, self.mechanism, sizes, self.enter)
        return self._sums

    def denoises(self, method_round: Round, holders: Mapping[Sum, int]) -> Round:
        """The method's round, which gets means of sums to which clients have added noise.

        Args:
            holders: sum → the clients that are in it.
        """
        if self.mechanism is None:
            return method_round
        mechanism, least = self.mechanism, self._least_holders
        # k holders make the mechanism's noise, and more holders more.
        deviations = {
            one: mechanism.deviation(one.group) * math.sqrt(count / least) / mechanism.expected[one]
            for one, count in holders.items()
        }
        return self._shrunk(method_round, deviations)

    def enter(self) -> None:
        """Enter the round's release into the ledger; it may be made once this returns.

        Raises:
            RunError: the ledger cannot be written.
        """
        if self.mechanism is None:
            return
        release, config = self.mechanism.release, self._config
        cost = self._cost_with(self.mechanism)
        self._ledger.enter(self._journal.round, release)
        self._state.releases = len(self._ledger.entries)
        self._journal.released(cost, config.delta, self._state.releases, release.multiplier)

    def adapt(self) -> None:
        """Take note of what the finished round has released, and move the bounds by it where they adapt."""
        if self._denoised is not None:
            self._state.signal |= {one.name: share for one, share in self._denoised.signal.items()}
        quantile = self._config.adaptive_quantile
        if self.mechanism is not None and self._sums is not None and quantile is not None:
            self._state.bounds |= next_bounds(
                self.mechanism.bounds, self._sums.counts, self.mechanism.counted, quantile
            )
        self._sums = self._denoised = None

    def _shrunk(self, method_round: Round, deviations: Mapping[Sum, float]) -> Round:
        """The method's round, which gets means less what in them is likely to be noise, of these deviations."""
        if not self._config.shrink:
            return method_round
        self._denoised = Denoised(method_round, deviations)
        return self._denoised

    def _cost_with(self, mechanism: Mechanism) -> float:
        together = self._ledger.releases
        together[mechanism.release] += 1
        return epsilon(together, self._config.delta)
