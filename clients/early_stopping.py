"""A client keeps the best model that it has had, and never leaves with less than it came with.

Whenever its validation images are measured, the model that they were measured with is compared with the best so far;
what the client came with takes part as the model of round 0. Training goes on all the same, because others gain from
this client's updates after its own model was at its best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from fedmtl.best_model import BEST, Best, read_best, write_best
from fedmtl.card import Card
from fedmtl.errors import ConfigError
from fedmtl.export import is_export, load_export, read_card
from fedmtl.inference import TrainedModel
from fedmtl.tasks.rank import Rank, rank

Measure = Callable[[TrainedModel], Mapping[str, float]]
"""A model → the primary metrics of the client's tasks on its validation images; finite ones only."""


class EarlyStopping:
    """The best model in a client's folder.

    Args:
        folder: the client's own in this run.
        brought: the folder of what it came with, if anything.
        model: the client's; its network holds what was measured when it is offered.

    Raises:
        ConfigError: that model takes other images, or does not predict the client's tasks.
        RunError: that model is damaged.
    """

    def __init__(self, folder: Path, brought: Path, model: TrainedModel) -> None:
        self._path, self._brought = folder / BEST, brought
        self._model, self._card = model, Card.of(model)
        self._higher_is_better = {name: task.higher_is_better for name, task in model.tasks.items()}
        if is_export(self._brought) and (reason := read_card(self._brought).misfit(self._card)):
            raise ConfigError(f"the model in {self._brought} {reason}; replace it, or take it away")

    def offer(self, run: str, round_number: int, metrics: Mapping[str, float], measure: Measure) -> None:
        """Keep the model as it is now, if it is better than every one before.

        Args:
            run: the run's identity.
            round_number: after which it was measured.
            metrics: as `measure` returns them.
            measure: for the model that the client came with, which is measured before the first offer.

        Raises:
            RunError: the best so far is damaged or another run's, or the new one cannot be written.
        """
        best = self._so_far(run) or self._begin(run, measure)
        offered = Best(run, round_number, metrics, best.brought if best else None, self._card)
        if self._key(offered) > self._key(best):
            write_best(self._path, offered, self._model)

    def _so_far(self, run: str) -> Best | None:
        best = read_best(self._path, run)
        # One that came back with other tasks or images has no use for its former model.
        return None if best is None or best.card.misfit(self._card) else best

    def _begin(self, run: str, measure: Measure) -> Best | None:
        """What the client came with, measured and kept as the best so far; None where it came with nothing."""
        if not is_export(self._brought):
            return None
        model = replace(load_export(self._brought), client=self._model.client)
        metrics = measure(model)
        best = Best(run, 0, metrics, metrics, Card.of(model))
        write_best(self._path, best, model)
        return best

    def _key(self, best: Best | None) -> tuple[Rank, int]:
        """What the best of all has the greatest of: its rank, and of equal ones the earliest round.

        It is a total order, so that a resumed run, which measures some rounds again or finds a best that is later
        than the round at hand, ends with the same model as one that nobody stopped.
        """
        if best is None:
            return rank({}, {}), 0
        return rank(best.metrics, self._higher_is_better), -best.round
