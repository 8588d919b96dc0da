"""The plots of differential privacy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator, ScalarFormatter

from fedmtl.reporting.history import History
from fedmtl.reporting.svg import INK, PALETTE, Plot, axes, styles, to_svg
from fedmtl.reporting.table import result_columns


class Utility(NamedTuple):
    """What a run reached in a task, over all clients.

    Attributes:
        label: of the runs that belong together, and are joined by a line.
        epsilon: what it cost; None without noise.
    """

    label: str
    epsilon: float | None
    value: float


def epsilon_curve(history: History) -> Plot | None:
    """What all releases so far cost, by round; None where there were none."""
    if not history.client_costs:
        return None
    rounds = sorted(history.client_costs)
    delta = history.client_costs[rounds[-1]].delta
    title = f"ε so far, at δ = {delta:.1g}"
    figure, plot = axes(4.0, 2.5)
    values = [history.client_costs[number].epsilon for number in rounds]
    plot.plot(rounds, values, color=PALETTE[0], linewidth=1.6, marker="o" if len(rounds) == 1 else None)
    plot.set_ylim(bottom=0)
    plot.set_title(title, loc="left", fontsize=10, color=INK)
    plot.set_xlabel("round", fontsize=9, color=INK)
    plot.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return Plot(title, to_svg(figure, f"{title}, by round"))


def utility_of(history: History) -> dict[str, tuple[str, float]]:
    """Task → the label of its primary metric, and what the run reached in it over all clients."""
    found = {}
    for column in result_columns(history):
        pooled = history.primary(None, column.task)
        if pooled is not None and pooled[1].final is not None:
            found[column.task] = column.label, pooled[1].final.value
    return found


def utility_plot(task: str, label: str, runs: Sequence[Utility]) -> Plot:
    """A task's metric by ε; runs without noise are level lines, because they cost no finite ε."""
    title = f"{task}: {label}"
    figure, plot = axes(4.0, 2.9)
    looks = styles(sorted({run.label for run in runs}))
    for name, (color, dash) in looks.items():
        points = sorted(
            (run.epsilon, run.value) for run in runs if run.label == name and run.epsilon is not None
        )
        level = [run.value for run in runs if run.label == name and run.epsilon is None]
        if points:
            plot.plot(*zip(*points, strict=True), color=color, linestyle=dash, marker="o", label=name)
        for value in level:
            plot.axhline(value, color=color, linestyle="dotted", label=f"{name}, no noise")
    if any(run.epsilon is not None for run in runs):
        plot.set_xscale("log")
        plot.xaxis.set_major_formatter(ScalarFormatter())
    plot.set_title(title, loc="left", fontsize=10, color=INK)
    plot.set_xlabel("ε", fontsize=9, color=INK)
    figure.legend(loc="outside lower left", ncols=2, fontsize=9, labelcolor=INK, frameon=False)
    return Plot(title, to_svg(figure, f"{title} by ε, for {', '.join(looks)}"))
