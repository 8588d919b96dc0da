"""How quantities are written: metrics in their unit, bytes, seconds."""

from __future__ import annotations

from collections.abc import Mapping

PERCENT = frozenset(
    {
        "mIoU",
        "mIoU_images",
        "pixel_accuracy",
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "mAP",
        "top1",
        "top5",
    }
    | {
        "delta1",
        "delta2",
        "delta3",
        "edgeF",
        "edgeF_1px",
        "maxF",
        "maxF1_images",
        "pair_ARI",
        "pair_accuracy",
    }
)
PERCENT_AT = ("within_", "odsF_", "oisF_")
"""What is in percent and has a limit for the end of its name."""
UNITS: Mapping[tuple[str, str], str] = {
    ("depth", "rmse"): "m",
    ("depth", "rmse_images"): "m",
    ("depth", "abs_err"): "m",
    ("depth", "sq_rel"): "m",
    ("normals", "mErr"): "°",
    ("normals", "median"): "°",
    ("normals", "rmse"): "°",
    ("vanishing_points", "angle"): "°",
    ("room_layout", "turn"): "°",
    ("room_layout", "centre"): "m",
    ("room_layout", "size"): "m",
    ("autoencoding", "psnr"): "dB",
}
"""(task kind, metric) → unit, where a metric's name alone does not tell."""


def unit(kind: str, metric: str) -> str:
    """The unit of a task kind's metric; empty where it has none that we know of.

    >>> unit("depth", "rmse"), unit("semseg", "mIoU"), unit("regression", "r2")
    ('m', '%', '')
    """
    if metric in PERCENT or metric.startswith(PERCENT_AT):
        return "%"
    return UNITS.get((kind, metric), "")


def number(value: float | None, unit_of: str = "") -> str:
    """A metric's value, as precise as is usual for its unit; – where there is none.

    >>> number(41.873, "%"), number(0.4812, "m"), number(None)
    ('41.9', '0.481', '–')
    """
    if value is None:
        return "–"
    match unit_of:
        case "%":
            return f"{value:.1f}"
        case "°":
            return f"{value:.2f}"
        case _:
            return f"{value:.3f}"


def signed(percent: float | None) -> str:
    """A change in percent, with its sign; – where there is none.

    >>> signed(4.21), signed(-0.04)
    ('+4.2 %', '0.0 %')
    """
    if percent is None:
        return "–"
    rounded = round(percent, 1)
    return f"{rounded:+.1f} %".replace("-", "−") if rounded else "0.0 %"


def tone(percent: float | None) -> str:
    """Whether a change is `better` or `worse`; empty where there is none, or it rounds to zero."""
    if percent is None or round(percent, 1) == 0:
        return ""
    return "better" if percent > 0 else "worse"


def size(count: float) -> str:
    """Bytes in decimal units.

    >>> size(999), size(12_345_678)
    ('999 B', '12.3 MB')
    """
    prefixes = iter(("", "k", "M", "G", "T", "P"))
    prefix = next(prefixes)
    while count >= 999.5:
        count, prefix = count / 1000, next(prefixes)
    return f"{count:.1f} {prefix}B" if prefix else f"{count:.0f} B"


def duration(seconds: float) -> str:
    """Seconds as a person would say them.

    >>> duration(4.21), duration(75), duration(7260)
    ('4.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
