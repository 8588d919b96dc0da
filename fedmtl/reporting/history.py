"""What happened in a run so far: the events, put where tables, plots and displays look them up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from fedmtl.reporting.curve import Curve, CurveKey
from fedmtl.reporting.events import Event
from fedmtl.reporting.units import unit

V = TypeVar("V")


@dataclass(frozen=True)
class TaskInfo:
    """A task of the federation."""

    name: str
    kind: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ClientInfo:
    """What a client described itself as; a client that joins after the start has described nothing here."""

    name: str
    tasks: tuple[str, ...] = ()
    train_images: int | None = None
    val_images: int | None = None


@dataclass(frozen=True)
class Work:
    """What one client did in one round, and the bytes that it sent (up) and received (down)."""

    images: int = 0
    seconds: float = 0.0
    bytes_up: int = 0
    bytes_down: int = 0

    @property
    def bytes(self) -> int:
        """Sent and received."""
        return self.bytes_up + self.bytes_down

    def __add__(self, other: Work) -> Work:
        return Work(
            self.images + other.images,
            self.seconds + other.seconds,
            self.bytes_up + other.bytes_up,
            self.bytes_down + other.bytes_down,
        )


@dataclass(frozen=True)
class Privacy:
    """What the server gets to see.

    Attributes:
        secure_sums: sums over clients alone, of updates, counts and metrics.
        min_holders: the fewest clients that train a group which leaves them.
        home: those that fewer train, and that stay with them; `<domain>|<group>` where domains are summed apart.
        signed: whether clients know each other's keys from a roster, and not from the server alone.
    """

    secure_sums: bool = False
    min_holders: int = 1
    home: tuple[str, ...] = ()
    signed: bool = False


@dataclass(frozen=True)
class Failure:
    """What a client failed at, and why in one sentence."""

    round: int
    client: str
    phase: str
    error: str


@dataclass(frozen=True)
class RoundInfo:
    """One finished round: clients that trained and that failed, bytes and wall-clock seconds."""

    clients: int
    failed: int
    seconds: float
    bytes_up: int
    bytes_down: int


class ClientCost(NamedTuple):
    """What all noisy releases up to a round have cost a client, and how many there were."""

    epsilon: float
    delta: float
    releases: int


class ImageCost(NamedTuple):
    """What training has cost a client's images in differential privacy, as the client says."""

    epsilon: float
    delta: float


@dataclass
class History:
    """The state of a run after some of its events.

    A `start` event begins anew and a `resume` event forgets every later round, so a log that was cut short
    and continued, or that is told again from its beginning, gives the same history as one that never was.

    Attributes:
        curves: client → curve; the client is None where metrics are pooled over clients.
        training: client → round → work.
        evaluation: client → round → work.
        status: `waiting` before the first event, then `running`, at last `finished`, `stopped` or `failed`.
        started: ISO 8601 time of the start.
        exchange: way (up, down) → the codec by which groups travel.
        client_costs: round → what it and all before have cost each client, with client-level differential privacy.
        image_costs: client → its latest; a resume does not undo it.
    """

    run_id: str = ""
    name: str = ""
    engine: str = ""
    method: str = ""
    total_rounds: int = 0
    status: str = "waiting"
    started: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    exchange: dict[str, str] = field(default_factory=dict)
    privacy: Privacy = Privacy()
    tasks: dict[str, TaskInfo] = field(default_factory=dict)
    clients: dict[str, ClientInfo] = field(default_factory=dict)
    curves: dict[str | None, dict[CurveKey, Curve]] = field(default_factory=dict)
    training: dict[str, dict[int, Work]] = field(default_factory=dict)
    evaluation: dict[str, dict[int, Work]] = field(default_factory=dict)
    rounds: dict[int, RoundInfo] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    client_costs: dict[int, ClientCost] = field(default_factory=dict)
    image_costs: dict[str, ImageCost] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        """The history after `events`."""
        history = cls()
        for event in events:
            history.add(event)
        return history

    def add(self, event: Event) -> None:
        """Take in the next event."""
        match event["event"]:
            case "start":
                self._start(event)
            case "resume":
                self._rewind(event["round"])
            case "train":
                self._work(self.training, event)
                if "epsilon" in event:
                    self.image_costs[event["client"]] = ImageCost(event["epsilon"], event["delta"])
            case "evaluate":
                self._work(self.evaluation, event)
            case "metric":
                key = CurveKey(event["task"], event["metric"], event["split"])
                curves = self.curves.setdefault(event["client"], {})
                curve = curves.setdefault(key, Curve(event["primary"], event["higher_is_better"]))
                curve.values[event["round"]] = event["value"]
            case "failure":
                failure = Failure(event["round"], event["client"], event["phase"], event["error"])
                if failure not in self.failures:
                    self.failures.append(failure)
            case "privacy":
                cost = ClientCost(event["epsilon"], event["delta"], event["releases"])
                self.client_costs[event["round"]] = cost
            case "round":
                self.rounds[event["round"]] = RoundInfo(
                    event["clients"],
                    event["failed"],
                    event["seconds"],
                    event["bytes_up"],
                    event["bytes_down"],
                )
            case "finish":
                self.status = event["status"]

    @property
    def last_round(self) -> int:
        """The latest finished round; 0 before the first."""
        return max(self.rounds, default=0)

    @property
    def seconds(self) -> float:
        """Wall-clock time of all finished rounds."""
        return sum(info.seconds for info in self.rounds.values())

    def work(self, client: str) -> tuple[Work, Work]:
        """All training and all evaluation of a client, summed over rounds."""
        train, evaluate = self.training.get(client, {}), self.evaluation.get(client, {})
        return sum(train.values(), Work()), sum(evaluate.values(), Work())

    def measured_tasks(self, client: str | None) -> list[str]:
        """The tasks that a client, or with None the pool of clients, has curves for, by name."""
        return sorted({key.task for key in self.curves.get(client, {})})

    def primary(self, client: str | None, task: str, split: str = "val") -> tuple[str, Curve] | None:
        """The primary metric of a task on a split, its name and curve; None where it was never reported."""
        for key, curve in self.curves.get(client, {}).items():
            if key.task == task and key.split == split and curve.primary:
                return key.metric, curve
        return None

    def unit(self, task: str, metric: str) -> str:
        """The unit of a task's metric; empty where it has none."""
        return unit(self.tasks[task].kind, metric) if task in self.tasks else ""

    def _start(self, event: Event) -> None:
        tasks = [TaskInfo(task["name"], task["kind"], tuple(task["classes"])) for task in event["tasks"]]
        clients = [
            ClientInfo(name, tuple(client["tasks"]), client["train_images"], client["val_images"])
            for name, client in event["clients"].items()
        ]
        anew = History(
            run_id=event["run_id"],
            name=event["name"],
            engine=event["engine"],
            method=event["method"],
            total_rounds=event["rounds"],
            status="running",
            started=event["time"],
            versions=dict(event.get("versions", {})),
            exchange=dict(event.get("exchange", {})),
            privacy=_privacy(event.get("privacy")),
            tasks={task.name: task for task in sorted(tasks, key=lambda task: task.name)},
            clients={client.name: client for client in clients},
            failures=self.failures,  # before the start, or in rounds that a resume undid
        )
        vars(self).update(vars(anew))

    def _work(self, by_client: dict[str, dict[int, Work]], event: Event) -> None:
        client = event["client"]
        work = Work(event["images"] or 0, event["seconds"] or 0.0, event["bytes_up"], event["bytes_down"])
        self.clients.setdefault(client, ClientInfo(client))
        by_client.setdefault(client, {})[event["round"]] = work

    def _rewind(self, last_round: int) -> None:
        for curves in self.curves.values():
            for curve in curves.values():
                curve.values = _until(last_round, curve.values)
        self.training = {client: _until(last_round, work) for client, work in self.training.items()}
        self.evaluation = {client: _until(last_round, work) for client, work in self.evaluation.items()}
        self.rounds = _until(last_round, self.rounds)
        self.client_costs = _until(last_round, self.client_costs)
        self.status = "running"


def _privacy(told: Event | None) -> Privacy:
    if told is None:
        return Privacy()
    return Privacy(told["secure_sums"], told["min_holders"], tuple(told["home"]), told["signed"])


def _until(last_round: int, by_round: dict[int, V]) -> dict[int, V]:
    return {r: value for r, value in by_round.items() if r <= last_round}
