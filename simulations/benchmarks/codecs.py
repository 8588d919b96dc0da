"""What a codec saves on the wire, and what it costs in metrics: the same federation with each, both ways.

Two runs that differ by one rounding part on their way, so a codec that costs nothing still changes every metric a
little, up or down. Only the mean over clients, tasks and seeds says something, beside its spread; `bf16`, which rounds
least, shows how large such changes are by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from fedmtl import shipped
from fedmtl.config import ExchangeConfig, Scenario
from fedmtl.reporting.deltas import mean_delta
from fedmtl.reporting.spread import Spread
from fedmtl.reporting.table import delta_percent
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from simulations.comparison.jobs import finish_runs
from simulations.comparison.measures import SPLITS
from simulations.comparison.runs import ComparedRun
from simulations.preflight import check_scenario

SCENARIO = "street-people-room"
SETTINGS = (
    "clients.people-parts.train_images=12",
    "training.batch_size=4",
    "training.epochs=4",
    "training.threads=1",
    "checkpoint.every=0",
)
CODECS = ("fp32", "bf16", "int8")
REFERENCE = "fp32"
SEEDS = 3


@dataclass(frozen=True)
class CodecRow:
    """One client's task at the end of one run; the bytes are all that the run sent, up and down.

    Attributes:
        delta: from the value with `fp32` and the same seed, in percent, + for better.
    """

    codec: str
    seed: int
    client: str
    task: str
    split: str
    metric: str
    higher_is_better: bool
    value: float | None
    delta: float | None
    bytes: int


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `CodecRow`, for three seeds from the scenario's on.

    Args:
        overrides: settings of the scenario.
        jobs: runs at once; by default one a core.

    Raises:
        ConfigError: a setting is wrong.
        DataError: data is missing.
        RunError: a run failed.
    """
    base = load_scenario(shipped.find(SCENARIO), [*SETTINGS, *overrides])
    variants = [replace(base, seed=base.seed + k) for k in range(SEEDS)]
    for variant in variants:
        check_scenario(variant)
    with TemporaryDirectory(prefix="fedmtl-benchmark-") as name:
        runs = [_create(Path(name), variant, codec) for variant in variants for codec in CODECS]
        finish_runs(runs, min(jobs or os.cpu_count() or 1, len(runs)))
        references = {each.scenario.seed: each for each in runs if each.method == REFERENCE}
        return [asdict(row) for each in runs for row in _rows(each, references[each.scenario.seed])]


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By codec: its share of fp32's bytes and the change of the average metric, mean and spread over seeds.

    Test images count where there are any.
    """
    split = "test" if any(row["split"] == "test" for row in rows) else "val"
    counted = [row for row in rows if row["split"] == split]
    seeds = sorted({row["seed"] for row in counted})
    sent = {(row["codec"], row["seed"]): row["bytes"] for row in counted}
    shown = []
    for codec in dict.fromkeys(row["codec"] for row in counted):
        shares = [100 * sent[codec, seed] / sent[REFERENCE, seed] for seed in seeds]
        runs = [[row for row in counted if (row["codec"], row["seed"]) == (codec, seed)] for seed in seeds]
        spread = Spread.of(map(mean_delta, runs))
        row = {"codec": codec, "seeds": len(seeds), "MB a run": fmean(sent[codec, s] for s in seeds) / 1e6}
        row |= {
            "% of fp32": fmean(shares),
            "mean Δ %": spread and spread.mean,
            "± over seeds": spread and spread.std,
        }
        shown.append(row)
    return shown


def _create(folder: Path, scenario: Scenario, codec: str) -> ComparedRun:
    variant = replace(scenario, exchange=ExchangeConfig({"name": codec}, {"name": codec}))
    path = folder / f"{codec}-seed{scenario.seed}"
    return ComparedRun(codec, variant, RunDirectory.create(path, variant))


def _rows(run: ComparedRun, reference: ComparedRun) -> Iterator[CodecRow]:
    last, rounds = run.scenario.rounds, run.history.rounds.values()
    sent = sum(each.bytes_up + each.bytes_down for each in rounds)
    for client in run.history.clients:
        for split in SPLITS:
            others = reference.curves(client, split)
            for task, (metric, curve) in run.curves(client, split).items():
                value, other = curve.values.get(last), others[task][1].values.get(last)
                better = curve.higher_is_better
                delta = None if value is None else delta_percent(value, other, better)
                named = (run.method, run.scenario.seed, client, task, split, metric, better)
                yield CodecRow(*named, value, delta, sent)
