"""Gradient inversion of a scenario's updates: whole, of heads alone, in sums of several clients, and with noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.config import Scenario
from fedmtl.data.transforms import fit, to_float
from fedmtl.errors import ConfigError
from fedmtl.privacy.accounting import solve_multiplier
from fedmtl.privacy.audits.inversion import INVERSIONS, Inversion
from fedmtl.privacy.audits.inversion.victim import gradient_of
from fedmtl.privacy.audits.quality import SUCCESS, psnr
from fedmtl.privacy.release import Release
from fedmtl.privacy_config import LEAST_HOLDERS
from fedmtl.reporting.audits import Findings, Picture, Row, Strip
from fedmtl.reporting.panels import data_uri
from fedmtl.run_directory import RunDirectory
from fedmtl.seeding import key
from simulations.audits.base import Audit
from simulations.audits.one_step import OneStep, smallest, take_steps
from simulations.audits.views import BARE, UNRELATED, View, views

MARGIN = 1.0
"""dB above its floor up to which an attack has found nothing."""
MEAN_OF = 200
"""Images that a mean image is of, at most."""
MEAN = "mean image"
THREAT = (
    "The attacker sees one update, or a sum of them, of a round in which each client took one step of plain SGD on one "
    "image, without augmentation. It knows the model, its weights at the start (those of round 1), the learning rate "
    "and the image's labels; it does not know the image. The floor of an image is the better of the data's mean image "
    "and what the same attack, with the same labels, makes of an unrelated update. An image that is part of several "
    "sums counts by the best that comes out of any, whichever client was looked for; its floor there is also the best "
    "that comes out of sums of others."
)


@dataclass(frozen=True)
class GradientInversion(Audit):
    """Reconstructs training images from updates of one step.

    Args:
        attack: patches, cosine or euclidean; empty: patches where the model allows it, else cosine.
        options: the attack's.
        images: to attack.
        together: clients in a sum.
        epsilon: of one release of a noisy update or sum, at `delta`.
    """

    attack: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    images: int = 10
    together: int = 5
    epsilon: float = 8.0
    delta: float = 1e-5

    def examine(self, scenario: Scenario, run: RunDirectory | None, folder: Path) -> Findings:
        """See `Audit.examine`; of a run, its scenario alone counts."""
        if not LEAST_HOLDERS <= self.together <= self.images:
            raise ConfigError(f"together must be from {LEAST_HOLDERS} to images, not {self.together}")
        least = smallest(scenario)
        steps = take_steps(least, self.images, folder)
        name = self._choose(steps[0], least.training.lr)
        attack = INVERSIONS.build(name, self.options, "options")
        multiplier = solve_multiplier(Release.everybody, 1, self.epsilon, self.delta)
        attempts = [
            Attempt(view, found)
            for index in range(len(steps))
            for view in views(steps, index, self.together, multiplier)
            if (found := reconstruct(attack, view, least, key(scenario.seed, "audit", view.name, index)))
            is not None
        ]
        details: list[dict[str, str | float | None]] = []
        strips: list[Strip] = []
        for step in steps:
            nearest = {MEAN: mean_image(step)} | nearest_to(step, attempts)
            values = {name: psnr(image, step.truth) for name, image in nearest.items()}
            row: dict[str, str | float | None] = {"client": step.client, "image": step.image_id, **values}
            details.append(row)
            strips.append(_strip([("image", step.truth), *nearest.items()], row))
        rows = summarise(details)
        noise = f"ε = {self.epsilon:g} at δ = {self.delta:g}"
        return Findings(
            "inversion",
            f"Gradient inversion: '{name}' on {len(steps)} images",
            f"{THREAT} Noisy: Gaussian noise of {multiplier:.3g} times the clipping norm, {noise} in this one release.",
            verdict(rows),
            tuple(rows),
            tuple(details),
            tuple(strips),
        )

    def _choose(self, step: OneStep, lr: float) -> str:
        if self.attack:
            return self.attack
        observed = gradient_of(step.updates, step.vectors, lr)
        closed = INVERSIONS.build("patches", {}, "options")
        return "patches" if closed.applies([step.victim], observed) else "cosine"


class Attempt(NamedTuple):
    """What was seen, and what the attack made of it, (C, H, W)."""

    view: View
    found: Tensor


def nearest_to(step: OneStep, attempts: Sequence[Attempt]) -> dict[str, Tensor]:
    """By the view's name, the image that comes nearest to a step's own, of all that its update was a part of.

    Out of a sum the image of any of its clients may come, whichever one was looked for; so each counts by its best. For
    comparison there is the best that comes out of such sums of others (`without`).
    """
    nearest: dict[str, Tensor] = {}
    for view, found in attempts:
        members = {each.client for each in view.within}
        name = view.name if step.client in members else without(view.name)
        alone = len(members) == 1 and step.client not in members  # of that, the view UNRELATED is an example
        if not alone and (name not in nearest or psnr(found, step.truth) > psnr(nearest[name], step.truth)):
            nearest[name] = found
    return nearest


def without(view: str) -> str:
    """What the same view is called for an image that is no part of it."""
    return f"{view}, of others"


def reconstruct(attack: Inversion, view: View, scenario: Scenario, seed: int) -> Tensor | None:
    """What the attack takes for the image of the view's first client, (C, H, W); None where it cannot be tried."""
    observed: dict[str, Tensor] = {}
    for step in view.of:
        seen = {group: vector for group, vector in view.updates.items() if group in step.updates}
        observed |= gradient_of(seen, step.vectors, scenario.training.lr)
    victims = [step.victim for step in view.of]
    if not attack.applies(victims, observed):
        return None
    return attack.reconstruct(victims, observed, seed).images[0]


def mean_image(step: OneStep) -> Tensor:
    """The mean of the training images of the step's source, (C, H, W) in [0, 1]: no attack is needed for it."""
    size = (step.truth.shape[1], step.truth.shape[2])
    ids = step.source.ids("train")
    chosen = ids[:: max(len(ids) // MEAN_OF, 1)]
    total: NDArray[np.float32] = np.zeros(tuple(step.truth.shape), np.float32)
    for image_id in chosen:
        fitted, _ = fit(step.source.load(image_id, []).image, {}, {}, size, step.resize)
        total += to_float(fitted)
    return torch.from_numpy(total / len(chosen))


def summarise(details: Sequence[Mapping[str, str | float | None]]) -> list[Row]:
    """A row a view, in dB.

    `mean` is over the images, `best` of the image that comes out best. `above floor` is the mean excess over an
    image's own floor, `at most` the largest; `found` counts the images that come out at 20 dB or more.
    """
    rows: list[Row] = []
    names = dict.fromkeys(name for row in details for name in row if name not in ("client", "image"))
    for view in names:
        values, excess = [], []
        for row in details:
            value = row.get(view)
            if isinstance(value, float):
                bases = (row[MEAN], row.get(UNRELATED), row.get(without(view)))
                floor = max(base for base in bases if isinstance(base, float))
                values.append(value)
                excess.append(value - floor)
        if values:
            rows.append(
                {
                    "seen": view,
                    "mean": sum(values) / len(values),
                    "best": max(values),
                    "above floor": sum(excess) / len(excess),
                    "at most": max(excess),
                    "found": sum(value >= SUCCESS for value in values),
                    "images": len(values),
                }
            )
    return rows


def verdict(rows: Sequence[Row]) -> str:
    """What the table says, in two sentences."""
    bare = next(row for row in rows if row["seen"] == BARE)
    seen = {str(row["seen"]) for row in rows}
    bases = {MEAN, UNRELATED} | {without(name) for name in seen}
    attacked = [row for row in rows if row["seen"] not in {BARE} | bases]
    open_to = [str(row["seen"]) for row in attacked if float(row["at most"] or 0) > MARGIN]
    safe = [str(row["seen"]) for row in attacked if str(row["seen"]) not in open_to]
    told = (
        f"Of the whole update, {bare['found']} of {bare['images']} images come out at {SUCCESS:g} dB or more."
    )
    if safe:
        told += f" Nothing of any image, within {MARGIN:g} dB of its floor, comes out of: {'; '.join(safe)}."
    if open_to:
        told += f" Something of an image comes out of: {'; '.join(open_to)}."
    return told


def _strip(shown: Sequence[tuple[str, Tensor]], row: Mapping[str, str | float | None]) -> Strip:
    pictures = []
    for name, image in shown:
        value = row.get(name)
        label = f"{name}, {value:.1f} dB" if isinstance(value, float) else name
        pixels = (image[:3].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pictures.append(Picture(label, data_uri(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))))
    return Strip(f"{row['client']} · {row['image']}", tuple(pictures))
