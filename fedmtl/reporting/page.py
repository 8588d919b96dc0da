"""From template to file: pages that open offline, ask for nothing from anywhere, and appear whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fedmtl.errors import RunError
from fedmtl.reporting.panels import data_uri
from fedmtl.reporting.units import duration, number, signed, size, tone


def render(template: str, **context: Any) -> str:
    """A template of this package, filled in; every value is escaped."""
    environment = Environment(
        loader=PackageLoader("fedmtl", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, signed=signed, size=size, duration=duration, data_uri=data_uri, tone=tone
    )
    return environment.get_template(template).render(context)


def write(path: Path, page: str) -> None:
    """Write a page atomically: a reader of an older one never meets half of a new one.

    Raises:
        RunError: it cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
