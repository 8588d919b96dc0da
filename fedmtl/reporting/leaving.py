"""What methods are worth once clients stop early, and none leaves with less than it came with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedmtl.reporting.scores import ScoreTable
from fedmtl.reporting.spread import Spread, lowest


@dataclass(frozen=True)
class Choice:
    """The model that a client leaves a run with.

    Attributes:
        round: the one in which it was the client's best on validation images.
        fell_back: whether it is of the baseline's run of the same seed, because this run had none that is better there.
    """

    method: str
    seed: int
    client: str
    round: int
    fell_back: bool


@dataclass(frozen=True)
class LeavingSummary:
    """A method's changes from the baseline, measured with the models that clients leave with.

    Attributes:
        mean_delta: over a client's tasks, then over clients.
        clients: client → its change, the mean over its tasks.
        fell_back: how often a client fell back on the baseline, and of how many clients and seeds.
    """

    mean_delta: Spread | None
    clients: dict[str, Spread]
    fell_back: tuple[int, int]

    @classmethod
    def of(cls, table: ScoreTable, choices: Sequence[Choice], method: str) -> LeavingSummary | None:
        """The method's; None where there are no choices for it.

        Args:
            table: of the scores that the choices have.
        """
        own = [choice for choice in choices if choice.method == method]
        if not own:
            return None
        count = sum(choice.fell_back for choice in own)
        return cls(table.mean_delta(method), table.client_deltas(method), (count, len(own)))

    @property
    def worst(self) -> tuple[str, float] | None:
        """The client that gains least, or loses most, and its change."""
        return lowest(self.clients)
