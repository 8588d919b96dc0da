"""The same scenario by several methods: same data, same initial weights, same number of local steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from fedmtl.aggregation import Policy, build_method
from fedmtl.config import Context, Scenario
from fedmtl.errors import RunError
from fedmtl.reporting.comparison import Comparison, Score, Total, compare
from fedmtl.reporting.comparison_report import write_comparison
from fedmtl.reporting.events import Event, read_events
from fedmtl.reporting.progress import Progress
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import to_yaml
from simulations.engines import Engine, run
from simulations.preflight import check_scenario


def compare_methods(
    base: Scenario, methods: Sequence[str], seeds: Sequence[int], folder: Path
) -> tuple[Comparison, Path]:
    """Train every method with every seed, each in a run folder of its own, and write results and a page.

    Runs that a former call finished are taken as they are; one that was cut off goes on.

    Returns:
        The comparison and the page's path.

    Raises:
        ConfigError: a method does not exist, or has not the options that the scenario sets.
        RunError: a run in `folder` has another config, or the methods did not take the same local steps.
    """
    variants = [_variant(base, method, seed) for seed in seeds for method in methods]
    for variant in variants:
        check_scenario(variant)
    scores: list[Score] = []
    totals: list[Total] = []
    kinds: dict[str, str] = {}
    steps: dict[tuple[int, str, int], dict[int, str]] = {}
    for variant in variants:
        events = _run(variant, folder / f"{variant.method['name']}-seed{variant.seed}")
        scores += _scores(variant, events)
        totals.append(_total(variant, events))
        for event in (event for event in events if event["event"] == "start"):
            kinds |= {task["name"]: task["kind"] for task in event["tasks"]}
        for event in (event for event in events if event["event"] == "train"):
            taken = steps.setdefault((variant.seed, event["client"], event["round"]), {})
            taken[event["steps"]] = variant.method["name"]
    _check_budgets(steps)
    result = compare(scores, totals, kinds)
    rows = {"rows": [asdict(score) for score in scores], "totals": [asdict(total) for total in totals]}
    (folder / "results.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    write_comparison(folder / "report.html", result, base.name)
    return result, folder / "report.html"


def _variant(base: Scenario, method: str, seed: int) -> Scenario:
    """The scenario by another method: its options where the scenario sets them for it, else the defaults."""
    options = dict(base.method) if base.method["name"] == method else {"name": method}
    shared = build_method(options).policy("adapter/any") is Policy.shared
    # A method that keeps adapters at home has none from others to attend to.
    model = base.model if shared else replace(base.model, context=Context.own)
    return replace(base, method=options, model=model, seed=seed)


def _run(scenario: Scenario, folder: Path) -> list[Event]:
    if (folder / "config.yaml").exists():
        directory = RunDirectory.open(folder)
        if to_yaml(directory.scenario) != to_yaml(scenario):
            raise RunError(f"{folder} was run with another config; choose another folder with --out")
    else:
        directory = RunDirectory.create(folder, scenario)
    if scenario.rounds not in directory.checkpoints.rounds():
        with Progress() as progress:
            run(directory, Engine.inprocess, [progress])
    return read_events(directory.metrics)


def _scores(scenario: Scenario, events: Sequence[Event]) -> list[Score]:
    """The primary metrics of the last round, client by client."""
    return [
        Score(
            scenario.method["name"],
            scenario.seed,
            event["client"],
            event["task"],
            event["metric"],
            event["value"],
            event["higher_is_better"],
            event["split"],
        )
        for event in events
        if event["event"] == "metric"
        and event["primary"]
        and event["split"] == "val"
        and event["client"] is not None
        and event["round"] == scenario.rounds
    ]


def _total(scenario: Scenario, events: Sequence[Event]) -> Total:
    rounds = [event for event in events if event["event"] == "round"]
    return Total(
        scenario.method["name"],
        scenario.seed,
        sum(event["bytes_up"] + event["bytes_down"] for event in rounds),
        sum(event["seconds"] for event in rounds),
    )


def _check_budgets(steps: dict[tuple[int, str, int], dict[int, str]]) -> None:
    """Raises RunError where a client took more steps in a round by one method than by another."""
    for (seed, client, number), taken in sorted(steps.items()):
        if len(taken) > 1:
            counts = ", ".join(f"{method} {count}" for count, method in sorted(taken.items()))
            raise RunError(
                f"the budgets differ: with seed {seed}, '{client}' took in round {number} different steps ({counts})"
            )
