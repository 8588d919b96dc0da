"""Matplotlib figures as SVG inside a page: real text, in the page's font and colour, at any width."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Drawn as the page's text colour, so that a plot is legible in light and dark mode."""
PALETTE = ("#1f83c6", "#d9622b", "#12a378", "#c272a4", "#dc9a13", "#5aaee0", "#8a70d6", "#8f8f45")
DASHES = ("solid", "dashed", "dotted", "dashdot")


class Style(NamedTuple):
    """How one client or method is drawn, the same in every plot."""

    color: str
    dash: str


class Plot(NamedTuple):
    """A plot for a page: what it shows, in words and as SVG."""

    title: str
    svg: str


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name, by its place; 32 differ."""
    return {
        name: Style(PALETTE[i % len(PALETTE)], DASHES[i // len(PALETTE) % len(DASHES)])
        for i, name in enumerate(names)
    }


def axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of (width, height) inches, transparent, with a light grid."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    plot = figure.add_subplot(facecolor="none")
    plot.spines[["top", "right"]].set_visible(False)
    plot.spines[["left", "bottom"]].set(color=INK, alpha=0.4)
    plot.tick_params(colors=INK, labelsize=9, length=0)
    plot.grid(color=INK, alpha=0.12, linewidth=0.6)
    plot.set_axisbelow(True)
    return figure, plot


def to_svg(figure: Figure, description: str) -> str:
    """The figure as an `<svg>` element that is described to those who cannot see it.

    The same figure gives the same bytes.
    """
    buffer = io.BytesIO()
    # Salted by the description: elements of two plots in one page must not share an id.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawn = buffer.getvalue().decode()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)
    drawn = re.sub(r'^<svg [^>]*?(viewBox="[^"]*")[^>]*>', r"<svg \1>", drawn)
    drawn = drawn.replace("xlink:href", "href").replace(INK, "currentColor").replace("\n", "")
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{html.escape(description)}" ', 1)
