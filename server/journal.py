"""What the server tells the metrics log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

import numpy as np
from flwr.app import Message
from numpy.typing import NDArray

import fedmtl
from fedmtl.exchange.envelope import content_size
from fedmtl.exchange.messages import Description, EvaluateReport, Split, TrainReport
from fedmtl.reporting.events import MetricsLog
from fedmtl.reporting.metric_events import loss_event, metric_events
from fedmtl.run_directory import RunDirectory
from fedmtl.tasks import TaskSpec, build_task
from fedmtl.training.statistics import split_statistics

logger = logging.getLogger(__name__)

PACKAGES = ("flwr", "torch", "timm")
"""What else the numbers of a run depend on."""


class Journal:
    """Turns what happens on the server into events; counts bytes and failures of the round.

    Args:
        done_rounds: the rounds that were over before.
    """

    def __init__(self, log: MetricsLog, done_rounds: int = 0) -> None:
        self.log = log
        self.round = done_rounds
        self.trained_clients = 0
        self._failed = self._up = self._down = 0
        self._sent: dict[tuple[str, str], int] = {}
        self._began = self._round_began = time.monotonic()

    def announce(
        self,
        directory: RunDirectory,
        engine: str,
        clients: Iterable[Description],
        home: Sequence[str] = (),
        signed: bool = False,
    ) -> None:
        """The run begins, or goes on after the rounds that are done.

        Args:
            home: the sums that are not taken because too few clients would take part.
            signed: whether there is a roster of the keys that clients sign with.
        """
        if self.round:
            self.log.append({"event": "resume", "round": self.round})
            return
        clients = list(clients)
        specs = {spec.name: spec for client in clients for spec in client.tasks}
        self.log.append(
            {
                "event": "start",
                "round": 0,
                "run_id": directory.identity["run"],
                "name": directory.scenario.name,
                "engine": engine,
                "versions": {"fedmtl": fedmtl.__version__} | {name: version(name) for name in PACKAGES},
                "rounds": directory.scenario.rounds,
                "method": directory.scenario.method["name"],
                "exchange": {
                    "up": directory.scenario.exchange.up["name"],
                    "down": directory.scenario.exchange.down["name"],
                },
                "privacy": {
                    "secure_sums": directory.scenario.privacy.secure_sums,
                    "min_holders": directory.scenario.privacy.least_holders,
                    "home": list(home),
                    "signed": signed,
                },
                "clients": {
                    client.client: {
                        "tasks": [spec.name for spec in client.tasks],
                        "train_images": client.images if client.counted else None,
                        "val_images": client.val_images if client.counted else None,
                    }
                    for client in clients
                },
                "tasks": [
                    {"name": spec.name, "kind": spec.kind, "classes": list(spec.classes)}
                    for _, spec in sorted(specs.items())
                ],
            }
        )

    def begin_round(self, number: int) -> None:
        """Start the round's clock and counts."""
        self.round = number
        self.trained_clients = self._failed = self._up = self._down = 0
        self._sent.clear()
        self._round_began = time.monotonic()

    def sent(self, client: str, kind: str, message: Message) -> None:
        """Remember what goes down, for the event of the answer."""
        self._sent[client, kind] = size = content_size(message.content)
        self._down += size

    def trained(self, report: TrainReport, reply: Message) -> None:
        """A client's training was accepted."""
        self.log.append(
            {
                "event": "train",
                "round": report.round,
                "client": report.client,
                "images": report.images,
                "steps": report.steps,
                **({"epsilon": report.cost.epsilon, "delta": report.cost.delta} if report.cost else {}),
                **self._traffic(report, reply, "train"),
            }
        )
        self.trained_clients += 1
        for task, total in sorted(report.loss_sums.items()):
            self.loss(report.client, task, total, report.loss_counts.get(task, 0))

    def masked(self, client: str, kind: str, size: int) -> None:
        """A client's part in sums was accepted: `size` bytes of which the server knows no more than that."""
        unknown = {"train": {"images": None, "steps": None}, "evaluate": {"images": None}}[kind]
        self._up += size
        traffic = {"seconds": None, "bytes_up": size, "bytes_down": self._sent.pop((client, kind))}
        self.log.append({"event": kind, "round": self.round, "client": client, **unknown, **traffic})
        self.trained_clients += kind == "train"

    def spoken(self, up: int, down: int) -> None:
        """Bytes went to and fro that are of no one message of training or evaluation."""
        self._up += up
        self._down += down

    def unopened(self, name: str, why: str) -> None:
        """A sum was not opened; the group is as it was."""
        logger.info("round %d: %s stays as it was: %s", self.round, name, why)

    def loss(self, client: str | None, task: str, total: float, count: float) -> None:
        """A task's mean training loss, from the sum over `count` images; of one client or, for None, of all."""
        self.log.append(loss_event(self.round, client, task, total, count))

    def evaluated(self, report: EvaluateReport, reply: Message) -> None:
        """A client's evaluation was accepted."""
        self.log.append(
            {
                "event": "evaluate",
                "round": report.round,
                "client": report.client,
                "images": report.images,
                **self._traffic(report, reply, "evaluate"),
            }
        )

    def metrics(self, client: str | None, spec: TaskSpec, split: Split, vector: NDArray[np.float64]) -> None:
        """A task's metrics on a split, of one client or, for None, of all together."""
        statistics = split_statistics(spec, vector)
        for event in metric_events(self.round, client, build_task(spec), split, statistics):
            self.log.append(event)

    def failure(self, client: str, phase: str, why: str) -> None:
        """A client lost its round, or could not join."""
        logger.warning("round %d, %s: %s %s", self.round, phase, client, why)
        self._failed += 1
        self.log.append(
            {
                "event": "failure",
                "round": self.round,
                "client": client,
                "phase": phase,
                "error": f"{client} {why}",
            }
        )

    def released(self, epsilon: float, delta: float, releases: int, multiplier: float) -> None:
        """Noisy sums of the round were released; ε is that of all releases together."""
        self.log.append(
            {
                "event": "privacy",
                "round": self.round,
                "epsilon": epsilon,
                "delta": delta,
                "releases": releases,
                "multiplier": multiplier,
            }
        )

    def end_round(self) -> None:
        """Sum the round up."""
        self.log.append(
            {
                "event": "round",
                "round": self.round,
                "seconds": time.monotonic() - self._round_began,
                "clients": self.trained_clients,
                "failed": self._failed,
                "bytes_up": self._up,
                "bytes_down": self._down,
            }
        )

    def checkpoint(self, seconds: float, size: int) -> None:
        """A checkpoint is on disk."""
        self.log.append({"event": "checkpoint", "round": self.round, "seconds": seconds, "bytes": size})

    def finish(self, status: str, error: Exception | None = None) -> None:
        """The run ends, well or not; `error` is why not."""
        seconds = time.monotonic() - self._began
        why = {"error": str(error), "kind": type(error).__name__} if error else {}
        self.log.append({"event": "finish", "round": self.round, "seconds": seconds, "status": status, **why})

    def _traffic(
        self, report: TrainReport | EvaluateReport, reply: Message, kind: str
    ) -> Mapping[str, float]:
        up = content_size(reply.content)
        self._up += up
        down = self._sent.pop((report.client, kind))
        return {"seconds": report.seconds, "bytes_up": up, "bytes_down": down}
