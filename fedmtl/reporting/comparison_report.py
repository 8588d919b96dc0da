"""What `fedmtl compare` leaves: a table for the terminal and a page."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from fedmtl.reporting.comparison import Comparison, Spread
from fedmtl.reporting.page import render, write
from fedmtl.reporting.svg import INK, PALETTE, Plot, axes, to_svg
from fedmtl.reporting.units import duration, number, signed, size


def write_comparison(path: Path, comparison: Comparison, name: str) -> None:
    """Write the page of a comparison; `name` is the scenario's."""
    write(path, render_comparison(comparison, name))


def render_comparison(comparison: Comparison, name: str) -> str:
    """The page, with no plot where there is no baseline to draw changes from."""
    return render(
        "comparison.html.j2",
        comparison=comparison,
        name=name,
        plots=[delta_plot(comparison)] if comparison.baseline else [],
        spread=spread,
    )


def summary_to_rich(comparison: Comparison) -> Table:
    """A line a method for a terminal."""
    reference = f"Δ from {comparison.baseline} in percent, + is better; " if comparison.baseline else ""
    table = Table(header_style="bold", caption=f"{reference}mean ± std over seeds", caption_justify="left")
    for column in ("method", "mean Δ", "worst client", "traffic", "time"):
        table.add_column(column, justify="left" if column in ("method", "worst client") else "right")
    for summary in comparison.summaries:
        worst = f"{summary.worst[0]} {signed(summary.worst[1])}" if summary.worst else ""
        table.add_row(
            summary.method,
            spread(summary.mean_delta, "delta"),
            worst,
            spread(summary.bytes, "bytes"),
            spread(summary.seconds, "seconds"),
        )
    return table


def delta_plot(comparison: Comparison) -> Plot:
    """Each method's mean change and its spread over seeds, with a grey dot a client."""
    title = f"mean change from {comparison.baseline} in percent, + is better"
    compared = [(summary, change) for summary in comparison.summaries if (change := summary.mean_delta)]
    figure, plot = axes(5.4, 0.9 + 0.3 * len(compared))
    plot.axvline(0, color=INK, alpha=0.5, linewidth=0.9)
    for summary, change in compared:
        clients = list(summary.clients.values())
        plot.scatter(clients, [summary.method] * len(clients), 16, color=INK, alpha=0.4, linewidths=0)
        plot.errorbar([change.mean], [summary.method], xerr=change.std, fmt="D", color=PALETTE[0], capsize=3)
    plot.margins(y=0.3)
    plot.invert_yaxis()
    plot.set_xlabel(title, fontsize=9, color=INK)
    methods = ", ".join(summary.method for summary, _ in compared)
    return Plot(title, to_svg(figure, f"{title}, for {methods}"))


def spread(values: Spread | None, quantity: str, unit: str = "") -> str:
    """A spread as text; `quantity` is value (in `unit`), delta, bytes or seconds."""
    if values is None:
        return "–"
    match quantity:
        case "delta":
            std = f" ± {values.std:.1f}" if values.std is not None else ""
            return signed(values.mean).replace(" %", f"{std} %")
        case "bytes":
            return values.write(size)
        case "seconds":
            return values.write(duration)
        case _:
            return values.write(lambda value: number(value, unit))
