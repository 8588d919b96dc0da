"""What Prometheus is told of runs, made from their metrics logs: a restart of the server forgets nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily

from fedmtl.deployment.run_state import deployed_runs, read_run_state
from fedmtl.reporting.events import Event
from fedmtl.reporting.follow import Tail
from fedmtl.run_directory import RunDirectory


@dataclass
class _Told:
    """What one run's log has told so far."""

    tail: Tail
    planned: int
    inode: int = -1
    round: int = 0
    clients: int = 0
    rounds: int = 0
    seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    """By phase."""
    bytes: Counter[str] = field(default_factory=Counter)
    """By direction."""

    def read(self) -> None:
        """Take in what is new."""
        for event in self.tail.new_events():
            if self.tail.inode != self.inode:  # a resume has replaced the file, and it is told from its start
                vars(self).update(vars(_Told(self.tail, self.planned, self.tail.inode)))
            self._take(event)

    def _take(self, event: Event) -> None:
        self.round = event["round"]
        match event["event"]:
            case "failure":
                self.failures[event["phase"]] += 1
            case "round":
                self.rounds += 1
                self.clients = event["clients"]
                self.seconds += event["seconds"]
                self.bytes.update(up=event["bytes_up"], down=event["bytes_down"])


class RunMetrics:
    """A collector for Prometheus.

    Counters are of the rounds that count: when a run goes on from a checkpoint, those of the rounds that it does
    again are taken back, which Prometheus sees as a restart.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._told: dict[Path, _Told] = {}
        self._lock = Lock()

    def collect(self) -> list[Metric]:
        """The metrics of now; may be asked in any thread.

        Raises:
            RunError: a run's log is damaged.
        """
        with self._lock:
            return list(self._collect())

    def _collect(self) -> Iterator[Metric]:
        label = ["run"]
        state = GaugeMetricFamily(
            "fedmtl_run_state", "1 for the state that a run is in", labels=["run", "state"]
        )
        newest = GaugeMetricFamily("fedmtl_run_round", "The round that a run is in", labels=label)
        planned = GaugeMetricFamily(
            "fedmtl_run_rounds_planned", "The rounds that a run will have", labels=label
        )
        clients = GaugeMetricFamily(
            "fedmtl_run_clients", "Clients that finished the last round", labels=label
        )
        submissions = CounterMetricFamily(
            "fedmtl_run_submissions", "How often a run was submitted to SuperLink", labels=label
        )
        rounds = SummaryMetricFamily("fedmtl_round_seconds", "Seconds of finished rounds", labels=label)
        failures = CounterMetricFamily(
            "fedmtl_failures", "Failures by what was tried", labels=["run", "phase"]
        )
        traffic = CounterMetricFamily(
            "fedmtl_bytes", "Bytes up from, and down to, the clients", labels=["run", "direction"]
        )
        for folder in deployed_runs(self._runs):
            told, run = self._told_of(folder), folder.name
            told.read()
            known = read_run_state(folder)
            state.add_metric([run, known.state], 1)
            newest.add_metric([run], told.round)
            planned.add_metric([run], told.planned)
            clients.add_metric([run], told.clients)
            submissions.add_metric([run], known.submissions)
            rounds.add_metric([run], told.rounds, told.seconds)
            for phase, count in sorted(told.failures.items()):
                failures.add_metric([run, phase], count)
            for direction in ("up", "down"):
                traffic.add_metric([run, direction], told.bytes[direction])
        yield from (state, newest, planned, clients, submissions, rounds, failures, traffic)

    def _told_of(self, folder: Path) -> _Told:
        if folder not in self._told:
            directory = RunDirectory(folder)
            self._told[folder] = _Told(Tail(directory.metrics), directory.scenario.rounds)
        return self._told[folder]
