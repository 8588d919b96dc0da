"""What `fedmtl compare` leaves: a table for the terminal and a page."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from fedmtl.reporting.comparison import Comparison, Summary
from fedmtl.reporting.comparison_plots import convergence_plot, delta_plot
from fedmtl.reporting.page import render, write
from fedmtl.reporting.spread import written
from fedmtl.reporting.units import duration, signed, size


def write_comparison(path: Path, comparison: Comparison, name: str) -> None:
    """Write the page of a comparison; `name` is the scenario's."""
    write(path, render_comparison(comparison, name))


def render_comparison(comparison: Comparison, name: str) -> str:
    """The page, with no plot where there is no baseline to draw changes from."""
    plots = []
    if comparison.baseline:
        plots.append(delta_plot(comparison))
        if comparison.selection.convergence:
            plots.append(convergence_plot(comparison.selection.convergence, comparison.baseline))
    return render(
        "comparison.html.j2",
        comparison=comparison,
        name=name,
        plots=plots,
        clients=list(dict.fromkeys(line.client for line in comparison.lines)),
        tasks=sorted({line.task for line in comparison.lines}),
        verdict=verdict(comparison),
        written=written,
        above=above,
        yes_or_no=yes_or_no,
    )


def summary_to_rich(comparison: Comparison) -> Table:
    """A line a method for a terminal."""
    reference = f"Δ from {comparison.baseline} in percent, + is better. " if comparison.baseline else ""
    caption = f"{comparison.rule} {reference}Mean ± std over seeds, traffic and time their means."
    table = Table(box=SIMPLE_HEAD, header_style="bold", caption=caption, caption_justify="left")
    table.add_column("method", overflow="fold")
    table.add_column("mean Δ", justify="right", no_wrap=True)
    table.add_column("worst client")
    table.add_column("above", justify="right", no_wrap=True)
    table.add_column("secure sums")
    table.add_column("traffic", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for summary in comparison.summaries:
        table.add_row(
            Text(summary.method),
            written(summary.mean_delta, "delta"),
            Text(named(summary.worst)),
            above(summary),
            yes_or_no(summary.secure_sums),
            size(summary.bytes.mean) if summary.bytes else "–",
            duration(summary.seconds.mean) if summary.seconds else "–",
        )
    return table


def leaving_to_rich(comparison: Comparison) -> Table | None:
    """A line a method for a terminal: what clients leave with; None where they had nothing to fall back on."""
    if not comparison.leaves:
        return None
    table = Table(box=SIMPLE_HEAD, header_style="bold", caption=comparison.leaves, caption_justify="left")
    table.add_column("leaving", overflow="fold")
    table.add_column("mean Δ", justify="right", no_wrap=True)
    table.add_column("worst client")
    table.add_column("fell back", justify="right", no_wrap=True)
    for summary in comparison.summaries:
        if leaving := summary.leaving:
            table.add_row(
                Text(summary.method),
                written(leaving.mean_delta, "delta"),
                Text(named(leaving.worst)),
                "{} of {}".format(*leaving.fell_back),
            )
    return table


def named(change: tuple[str, float] | None) -> str:
    """A client and its change; empty where there is none."""
    return f"{change[0]} {signed(change[1])}" if change else ""


def verdict(comparison: Comparison) -> str | None:
    """Whether the baseline was trained long enough, as a sentence; None where there is no baseline."""
    if comparison.baseline is None:
        return None
    found = comparison.selection.convergence
    if found is None:
        return f"{comparison.baseline} was measured too seldom to tell whether it has stopped improving."
    return f"{comparison.baseline} {found.verdict}."


def above(summary: Summary) -> str:
    """How many of its (client, task) pairs are above the baseline; empty for the baseline."""
    better, pairs = summary.above
    return f"{better} of {pairs}" if pairs else ""


def yes_or_no(known: bool | None) -> str:
    """A fact in a table; empty where it is not known."""
    return "" if known is None else "yes" if known else "no"
