"""A run that never happened, as events: 8 clients, 20 rounds, failures, metrics that are not finite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from fedmtl.reporting.events import Event
from fedmtl.reporting.leaving import Choice
from fedmtl.reporting.scores import Score, Total

ROUNDS = 20
TASKS = {
    "depth": ("depth", "rmse", False, 1.4, 0.48),
    "edge": ("edge", "edgeF", True, 8.0, 41.0),
    "human_parts": ("human_parts", "mIoU", True, 9.0, 33.0),
    "normals": ("normals", "mErr", False, 48.0, 27.5),
    "saliency": ("saliency", "maxF", True, 40.0, 78.0),
    "semseg": ("semseg", "mIoU", True, 6.0, 44.0),
}
"""task → kind, primary metric, higher is better, and where it starts and ends."""
CLIENTS = {
    **{f"people-{i}": ["edge", "human_parts", "saliency"] for i in range(3)},
    **{f"room-{i}": ["depth", "normals"] for i in range(2)},
    **{f"street-{i}": ["edge", "saliency", "semseg"] for i in range(3)},
}


def start(rounds: int = ROUNDS) -> Event:
    """The first event."""
    return {
        "event": "start",
        "run_id": "5f0c2d9be1a7",
        "name": "three-worlds",
        "engine": "inprocess",
        "rounds": rounds,
        "method": "fedavg",
        "round": 0,
        "clients": {
            name: {"tasks": tasks, "train_images": 48 + 7 * i, "val_images": 24}
            for i, (name, tasks) in enumerate(CLIENTS.items())
        },
        "tasks": [
            {"name": name, "kind": kind, "classes": ["a", "b"] if kind == "semseg" else []}
            for name, (kind, *_) in TASKS.items()
        ],
        "versions": {"fedmtl": "0.1.0", "torch": "2.14.1"},
    }


def run(rounds: int = ROUNDS, seed: int = 0) -> list[Event]:
    """Every event of a finished run; street-2 fails in rounds 7 and 20, room-1 has a NaN depth in round 3."""
    rng = np.random.default_rng(seed)
    events: list[Event] = [start(rounds)]
    for r in range(1, rounds + 1):
        failing = {"street-2"} if r in (7, 20) else set()
        for client in CLIENTS:
            if client in failing:
                error = "its loss was not finite at step 12: lower training.lr"
                events.append(
                    {"event": "failure", "round": r, "client": client, "phase": "train", "error": error}
                )
            else:
                events += _train(r, client, rng)
        for client in CLIENTS:
            if client not in failing:
                events += _evaluate(r, client, rng)
        events += [_metric(r, None, task, TASKS[task][1], _value(task, r, rng)) for task in TASKS]
        events.append(
            {
                "event": "round",
                "round": r,
                "seconds": 12.5 + float(rng.normal()),
                "clients": len(CLIENTS) - len(failing),
                "failed": len(failing),
                "bytes_up": 8 * 4_100_000,
                "bytes_down": 8 * 4_300_000,
            }
        )
        events.append({"event": "checkpoint", "round": r, "seconds": 0.2, "bytes": 17_000_000})
    events.append({"event": "finish", "round": rounds, "seconds": 251.0, "status": "finished"})
    began = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    return [
        {"time": (began + timedelta(seconds=0.3 * i)).isoformat(timespec="milliseconds"), **event}
        for i, event in enumerate(events)
    ]


def local_baseline() -> dict[tuple[str, str], float]:
    """What each client reached alone, a little worse than the federation for most."""
    rng = np.random.default_rng(5)
    return {
        (client, task): TASKS[task][4] * (1 + float(rng.normal(-0.03 if TASKS[task][2] else 0.03, 0.05)))
        for client, tasks in CLIENTS.items()
        for task in tasks
    }


def _train(r: int, client: str, rng: np.random.Generator) -> list[Event]:
    work = {"images": 48, "steps": 6, "seconds": 1.2 + float(rng.random())}
    traffic = {"bytes_up": 4_100_000, "bytes_down": 4_300_000}
    losses = [
        _metric(
            r, client, task, "loss", 2.0 * np.exp(-r / 6) + 0.3 + 0.1 * float(rng.random()), "train", False
        )
        for task in CLIENTS[client]
    ]
    return [{"event": "train", "round": r, "client": client, **work, **traffic}, *losses]


def _evaluate(r: int, client: str, rng: np.random.Generator) -> list[Event]:
    work = {"images": 24, "seconds": 0.4, "bytes_up": 9_000, "bytes_down": 4_300_000}
    metrics = [_metric(r, client, task, TASKS[task][1], _value(task, r, rng)) for task in CLIENTS[client]]
    if "depth" in CLIENTS[client]:
        metrics.append(_metric(r, client, "depth", "delta1", 60.0 + r, primary=False))
        if r == 3:
            metrics[0]["value"] = float("nan")
    return [*metrics, {"event": "evaluate", "round": r, "client": client, **work}]


def _metric(
    r: int, client: str | None, task: str, metric: str, value: float, split: str = "val", primary: bool = True
) -> dict[str, Any]:
    better = split == "val" and (TASKS[task][2] or metric == "delta1")
    return {
        "event": "metric",
        "round": r,
        "client": client,
        "task": task,
        "metric": metric,
        "value": float(value),
        "split": split,
        "primary": primary,
        "higher_is_better": better,
    }


def _value(task: str, r: int, rng: np.random.Generator) -> float:
    *_, begin, end = TASKS[task]
    return (end + (begin - end) * float(np.exp(-r / 5))) * (1 + 0.03 * float(rng.normal()))


def comparison_scores() -> list[Score]:
    """Three methods and two seeds; `averaging` loses for rooms, `grouping` gains for all."""
    gains = {"local": 0.0, "averaging": 4.0, "grouping": 6.0}
    rng = np.random.default_rng(3)
    scores = []
    for method, gain in gains.items():
        for seed in (0, 1):
            for (client, task), base in local_baseline().items():
                lost = 9.0 if method == "averaging" and client.startswith("room") else 0.0
                percent = gain - lost + (float(rng.normal()) if gain else 0.0)
                better = TASKS[task][2]
                value = base * (1 + percent / 100 * (1 if better else -1))
                scores.append(Score(method, seed, client, task, TASKS[task][1], value, better))
    return scores


def comparison_totals() -> list[Total]:
    """What each run of `comparison_scores` cost."""
    return [
        Total(method, seed, sent, 240.0 + 5 * seed)
        for method, sent in (("local", 0), ("averaging", 2_000_000_000), ("grouping", 1_400_000_000))
        for seed in (0, 1)
    ]


def comparison_choices() -> list[Choice]:
    """What clients leave with: `room-0` falls back from `averaging`."""
    return [
        Choice(method, seed, client, 12, (method, client) == ("averaging", "room-0"))
        for method in ("averaging", "grouping")
        for seed in (0, 1)
        for client in CLIENTS
    ]
