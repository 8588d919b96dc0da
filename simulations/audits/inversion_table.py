"""What came out of an inversion, as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from fedmtl.privacy.audits.quality import SUCCESS, psnr
from fedmtl.reporting.audits import Row
from simulations.audits.attempts import Outcome
from simulations.audits.views import BARE

MARGIN = 1.0
"""dB above its floor up to which an attack has found nothing."""
MEAN = "mean image"
UNRELATED = "unrelated update"
NEAREST = "nearest"
CHANCE = "by chance"


def detail(truth: Tensor, mean: Tensor, found: Mapping[str, Outcome]) -> dict[str, float]:
    """An image's PSNR, in dB, under the names of what was seen.

    Of each view there is that of the attempt at this image, the nearest of all attempts, the nearest that came `by
    chance` out of what is unrelated, and `tries`, the number of either.
    """
    values = {MEAN: psnr(mean, truth)}
    for view, outcome in found.items():
        values[view] = psnr(outcome.own, truth)
        if view == BARE and outcome.blank is not None:
            values[UNRELATED] = psnr(outcome.blank, truth)
        values[f"{view}, {NEAREST}"] = psnr(outcome.nearest, truth)
        if outcome.chance is not None:
            values[f"{view}, {CHANCE}"] = psnr(outcome.chance, truth)
        values[f"{view}, tries"] = float(outcome.tries)
    return values


def summarise(details: Sequence[Mapping[str, float]]) -> list[Row]:
    """A row a view, in dB, of the `detail` of each image.

    `mean` is over images, of the attempt at each; `found` counts those of 20 dB or more. `above floor` is the mean
    excess over an image's own floor, the better of the mean image and the attack on an unrelated update, and `at most`
    the largest. With more than one of `tries`, the `nearest` of them counts by its excess over the better of the mean
    image and the nearest of as many attempts on what is unrelated: as often tried, a floor rises as well.
    """
    views = [name.removesuffix(", tries") for row in details for name in row if name.endswith(", tries")]
    rows: list[Row] = []
    for view in dict.fromkeys([MEAN, UNRELATED, *views]):
        having = [row for row in details if view in row]
        if not having:
            continue
        excess = [row[view] - max(row[MEAN], row.get(UNRELATED, 0.0)) for row in having]
        values = [row[view] for row in having]
        line: dict[str, str | int | float | None] = {
            "seen": view,
            "mean": sum(values) / len(values),
            "best": max(values),
            "found": sum(value >= SUCCESS for value in values),
            "images": len(values),
            "above floor": sum(excess) / len(excess),
            "at most": max(excess),
        }
        if view in views:
            by_any = [
                row[f"{view}, {NEAREST}"] - max(row[MEAN], row.get(f"{view}, {CHANCE}", 0.0))
                for row in having
            ]
            line["tries"] = int(max(row[f"{view}, tries"] for row in having))
            line["nearest: above floor"] = sum(by_any) / len(by_any)
            line["nearest: at most"] = max(by_any)
        rows.append(line)
    return rows


def verdict(rows: Sequence[Row]) -> str:
    """What the table says, in two or three sentences."""
    bare = next(row for row in rows if row["seen"] == BARE)
    attacked = [row for row in rows if row["seen"] not in (BARE, MEAN, UNRELATED)]
    open_to = [str(row["seen"]) for row in attacked if _most(row, "at most") > MARGIN]
    by_any = [str(row["seen"]) for row in attacked if _most(row, "nearest: at most") > MARGIN]
    safe = [str(row["seen"]) for row in attacked if row["seen"] not in (*open_to, *by_any)]
    told = (
        f"Of the whole update, {bare['found']} of {bare['images']} images come out at {SUCCESS:g} dB or more."
    )
    if safe:
        told += f" Nothing of any image, within {MARGIN:g} dB of its floor, comes out of: {'; '.join(safe)}."
    if open_to:
        told += f" Something of an image comes out of: {'; '.join(open_to)}."
    if more := [view for view in by_any if view not in open_to]:
        told += f" Something of an image is among all that comes out of: {'; '.join(more)}."
    return told


def _most(row: Row, column: str) -> float:
    return float(row[column] or 0)
