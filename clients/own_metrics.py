"""A client's own losses and metrics, in its own folder, where the server is told those of all together alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fedmtl.exchange.messages import Split
from fedmtl.reporting.events import MetricsLog
from fedmtl.reporting.metric_events import loss_event, metric_events
from fedmtl.run_directory import OWN_METRICS
from fedmtl.tasks import Task
from fedmtl.training.evaluation import Evaluation
from fedmtl.training.trainer import LocalResult


class OwnMetrics:
    """Writes metric events as the server's log has them; a round that is done again is there again.

    Args:
        folder: the client's, in this run.
    """

    def __init__(self, folder: Path, client: str, tasks: Sequence[Task]) -> None:
        self._path, self._client, self._tasks = folder / OWN_METRICS, client, tasks

    def trained(self, round_number: int, result: LocalResult) -> None:
        """Note the losses of a round.

        Raises:
            RunError: the file cannot be written.
        """
        with MetricsLog(self._path) as log:
            for task, total in sorted(result.loss_sums.items()):
                count = result.loss_counts.get(task, 0)
                log.append(loss_event(round_number, self._client, task, total, count))

    def measured(self, round_number: int, measured: Mapping[Split, Evaluation]) -> None:
        """Note the metrics of an evaluation.

        Raises:
            RunError: the file cannot be written.
        """
        with MetricsLog(self._path) as log:
            for split, result in measured.items():
                for task in self._tasks:
                    statistics = result.statistics[task.name]
                    for event in metric_events(round_number, self._client, task, split, statistics):
                        log.append(event)
