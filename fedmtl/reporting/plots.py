"""The plots of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

from matplotlib.ticker import FuncFormatter, MaxNLocator

from fedmtl.reporting.curve import Curve
from fedmtl.reporting.history import History
from fedmtl.reporting.svg import INK, Plot, Style, axes, styles, to_svg
from fedmtl.reporting.table import POOLED, result_columns
from fedmtl.reporting.units import duration, size

LEGEND_CHARACTERS = 54
"""About as many fit side by side under a plot; a line's sample takes the room of `SAMPLE_CHARACTERS`."""
SAMPLE_CHARACTERS = 7


def validation_curves(history: History) -> list[Plot]:
    """The primary metric of each task over the rounds, a line a client; or one for all, where only sums are known."""
    plots, lines = [], _lines(history)
    for column in result_columns(history):
        found = {label: history.primary(client, column.task) for label, client in lines.items()}
        curves = {label: one[1] for label, one in found.items() if one and one[1].points}
        if curves:
            title = f"{column.task}: validation {column.metric}"
            plots.append(_curves(title, column.label, curves, styles(lines)))
    return plots


def loss_curves(history: History) -> list[Plot]:
    """The training loss of each task over the rounds; lines as of `validation_curves`."""
    losses: dict[str, dict[str, Curve]] = {}
    lines = _lines(history)
    for label, client in lines.items():
        for key, curve in history.curves.get(client, {}).items():
            if (key.metric, key.split) == ("loss", "train") and curve.points:
                losses.setdefault(key.task, {})[label] = curve
    return [
        _curves(f"{task}: training loss", "loss ↓", curves, styles(lines))
        for task, curves in sorted(losses.items())
    ]


def work_bars(history: History) -> list[Plot]:
    """Bytes, up and down, and seconds, training and evaluating, of each client."""
    work = {client: history.work(client) for client in history.clients}
    if not any(train.bytes or evaluate.bytes for train, evaluate in work.values()):
        return []
    traffic = {client: train + evaluate for client, (train, evaluate) in work.items()}
    sent = {client: float(total.bytes_up) for client, total in traffic.items()}
    received = {client: float(total.bytes_down) for client, total in traffic.items()}
    bars = [
        _bars("bytes per client", {"sent": sent, "received": received}, FuncFormatter(lambda x, _: size(x)))
    ]
    if history.privacy.secure_sums:  # how long a client takes tells how many images it has
        return bars
    training = {client: train.seconds for client, (train, _) in work.items()}
    evaluating = {client: evaluate.seconds for client, (_, evaluate) in work.items()}
    return [
        *bars,
        _bars(
            "seconds per client",
            {"training": training, "evaluating": evaluating},
            FuncFormatter(lambda x, _: duration(x)),
        ),
    ]


def _lines(history: History) -> dict[str, str | None]:
    """What a line is called → whose it is."""
    if history.privacy.secure_sums:
        return {POOLED: None}
    return {client: client for client in history.clients}


def _curves(title: str, label: str, curves: Mapping[str, Curve], style: Mapping[str, Style]) -> Plot:
    shown = {client: style[client] for client in style if client in curves}
    entry = SAMPLE_CHARACTERS + max(map(len, shown))
    columns = max(1, min(len(shown), LEGEND_CHARACTERS // entry))
    figure, plot = axes(4.0, 2.5 + 0.2 * math.ceil(len(shown) / columns))
    for client, (color, dash) in shown.items():
        rounds, values = zip(*curves[client].points, strict=True)
        marker = "o" if len(rounds) == 1 else None
        plot.plot(rounds, values, color=color, linestyle=dash, linewidth=1.6, marker=marker, label=client)
    plot.set_title(title, loc="left", fontsize=10, color=INK)
    plot.set_xlabel("round", fontsize=9, color=INK)
    plot.set_ylabel(label, fontsize=9, color=INK)
    plot.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    figure.legend(loc="outside lower left", ncols=columns, fontsize=9, labelcolor=INK, frameon=False)
    return Plot(title, to_svg(figure, f"{title} by round, for {', '.join(shown)}"))


def _bars(title: str, parts: Mapping[str, Mapping[str, float]], formatter: FuncFormatter) -> Plot:
    clients = list(next(iter(parts.values())))
    figure, plot = axes(5.2, 1.0 + 0.23 * len(clients))
    left = dict.fromkeys(clients, 0.0)
    for (name, values), (color, _) in zip(parts.items(), styles(parts).values(), strict=True):
        plot.barh(clients, list(values.values()), 0.7, left=list(left.values()), color=color, label=name)
        left = {client: left[client] + values[client] for client in clients}
    plot.invert_yaxis()
    plot.grid(visible=False, axis="y")
    plot.xaxis.set_major_locator(MaxNLocator(4))
    plot.xaxis.set_major_formatter(formatter)
    plot.set_title(title, loc="left", fontsize=10, color=INK)
    figure.legend(loc="outside lower left", ncols=len(parts), fontsize=9, labelcolor=INK, frameon=False)
    return Plot(title, to_svg(figure, f"{title}: {' and '.join(parts)}"))
