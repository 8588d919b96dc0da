"""A comparison from its scenario to its page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedmtl.aggregation import build_method
from fedmtl.config import Scenario
from fedmtl.errors import ConfigError
from fedmtl.reporting.comparison import BASELINE, Comparison, Summary, compare
from fedmtl.reporting.comparison_report import write_comparison
from fedmtl.reporting.leaving import LeavingSummary
from simulations.comparison.entrants import parse_entrants
from simulations.comparison.fairness import check_data, check_steps, check_weights
from simulations.comparison.jobs import finish_runs
from simulations.comparison.measures import choose, scores_left, scores_of, select, total_of
from simulations.comparison.runs import make_runs


def compare_methods(
    base: Scenario, methods: Sequence[str], seeds: Sequence[int], folder: Path, jobs: int = 1
) -> tuple[Comparison, Path]:
    """Train every method with every seed, each in a run folder of its own, and write results.json and a page.

    Runs that a former call finished are taken as they are; one that was cut off goes on.

    Args:
        methods: each as `name` or `name(option=value, …)`. Without options of its own, one that is the scenario's
            has those of the scenario.
        jobs: runs at once; how many changes no result, where `training.threads` is set.

    Returns:
        The comparison and the page's path.

    Raises:
        ConfigError: a method or option does not exist, or `local` is to be compared and never evaluated on the way.
        RunError: a run failed, or one in `folder` has another config, or the methods did not begin with the same
            weights and data, or did not take the same local steps.
    """
    if BASELINE in methods and not base.federation.evaluate_every:
        raise ConfigError(
            f"federation.evaluate_every: is 0, but {BASELINE} counts at its best round: set it to 1 or more"
        )
    runs = make_runs(base, parse_entrants(methods), seeds, folder)
    check_weights(runs)
    finish_runs(runs, jobs)
    check_data(runs)
    check_steps(runs)
    selection, choices = select(runs), choose(runs)
    scores = [score for run in runs for score in scores_of(run, selection)]
    totals = [total_of(run) for run in runs]
    kinds = {task.name: task.kind for run in runs for task in run.history.tasks.values()}
    sums = {run.method: build_method(run.scenario.method).needs_only_sums for run in runs}
    result = compare(
        scores,
        totals,
        kinds=kinds,
        secure_sums=sums,
        selection=selection,
        left=scores_left(runs, choices),
        choices=choices,
    )
    rounds = [{"seed": s, "client": c, "round": r} for (s, c), r in selection.rounds.items()]
    written = {
        "rows": [asdict(score) for score in scores],
        "totals": [asdict(total) for total in totals],
        f"{BASELINE}_rounds": rounds,
        "leaving": [asdict(choice) for choice in choices],
        "summaries": [_plain(summary) for summary in result.summaries],
    }
    (folder / "results.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    write_comparison(folder / "report.html", result, base.name)
    return result, folder / "report.html"


def _plain(summary: Summary) -> dict[str, Any]:
    """A method's line of the table, for JSON."""
    line = {"method": summary.method, **_changes(summary), "above": summary.above}
    if summary.leaving:
        line["leaving"] = {**_changes(summary.leaving), "fell_back": summary.leaving.fell_back}
    return line


def _changes(of: Summary | LeavingSummary) -> dict[str, Any]:
    return {"mean_delta": asdict(of.mean_delta) if of.mean_delta else None, "worst": of.worst}
