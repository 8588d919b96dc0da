"""Gradient inversion of a scenario's updates: whole, of heads alone, in sums of several clients, and with noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from fedmtl.config import Scenario
from fedmtl.config.privacy import LEAST_HOLDERS
from fedmtl.data.transforms import fit, to_float
from fedmtl.errors import ConfigError
from fedmtl.privacy.accounting import solve_multiplier
from fedmtl.privacy.audits.inversion import INVERSIONS
from fedmtl.privacy.audits.inversion.victim import gradient_of
from fedmtl.privacy.audits.quality import psnr
from fedmtl.privacy.release import Release
from fedmtl.reporting.audits import Findings, Picture, Strip
from fedmtl.reporting.panels import data_uri
from fedmtl.run_directory import RunDirectory
from simulations.audits.attempts import attempt, outcomes
from simulations.audits.base import Audit
from simulations.audits.inversion_table import MEAN, detail, summarise, verdict
from simulations.audits.one_step import OneStep, smallest, take_steps
from simulations.audits.views import VIEWS, views

MEAN_OF = 200
"""Images that a mean image is of, at most."""
THREAT = (
    "The attacker sees one update, or a sum of them, of a round in which each client took one step of plain SGD on one "
    "image, without augmentation. It knows the model, its weights at the start (those of round 1), the learning rate "
    "and the image's labels; it does not know the image. The floor of an image is the better of the data's mean image "
    "and what the same attack, with the same labels, makes of an unrelated update. 'nearest' counts an image by the "
    "best of all that came out of any update that it is part of, whoever was looked for: in sums it has more chances "
    "so. Its floor there has as many: the better of the mean image and the best of what the same attempts, with the "
    "same labels and beginnings, made of updates of the same kind that the image is no part of."
)


@dataclass(frozen=True)
class GradientInversion(Audit):
    """Reconstructs training images from updates of one step.

    Args:
        attack: patches, cosine or euclidean; empty: patches where the model allows it, else euclidean.
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
        if not LEAST_HOLDERS <= self.together <= self.images // 2:
            raise ConfigError(
                f"together must be from {LEAST_HOLDERS} to half of images, not {self.together}: "
                "each sum is compared with one of as many other clients"
            )
        least = smallest(scenario)
        steps = take_steps(least, self.images, folder)
        name = self._choose(steps[0], least.training.lr)
        attack = INVERSIONS.build(name, self.options, "options")
        multiplier = solve_multiplier(Release.everybody, 1, self.epsilon, self.delta)
        seen = (
            view for index in range(len(steps)) for view in views(steps, index, self.together, multiplier)
        )
        console = Console(stderr=True)
        attempts = list(
            track(
                attempt(attack, seen, least.training.lr, scenario.seed),
                "attempts",
                total=len(steps) * VIEWS,
                console=console,
                disable=not console.is_terminal,
            )
        )
        values: list[dict[str, float]] = []
        strips: list[Strip] = []
        for step in steps:
            mean, found = mean_image(step), outcomes(step, attempts)
            values.append(detail(step.truth, mean, found))
            shown = {MEAN: mean} | {view: outcome.nearest for view, outcome in found.items()}
            strips.append(_strip(step, shown))
        rows = summarise(values)
        noise = f"ε = {self.epsilon:g} at δ = {self.delta:g}"
        return Findings(
            "inversion",
            f"Gradient inversion: '{name}' on {len(steps)} images",
            f"{THREAT} Noisy: Gaussian noise of {multiplier:.3g} times the clipping norm, {noise} in this one release.",
            verdict(rows),
            tuple(rows),
            tuple(
                {"client": step.client, "image": step.image_id, **each}
                for step, each in zip(steps, values, strict=True)
            ),
            tuple(strips),
        )

    def _choose(self, step: OneStep, lr: float) -> str:
        if self.attack:
            return self.attack
        observed = gradient_of(step.updates, step.vectors, lr)
        closed = INVERSIONS.build("patches", {}, "options")
        return "patches" if closed.applies([step.victim], observed) else "euclidean"


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


def _strip(step: OneStep, shown: Mapping[str, Tensor]) -> Strip:
    """The image, and what comes nearest to it out of what was seen, under their names."""
    labelled = {f"{name}, {psnr(image, step.truth):.1f} dB": image for name, image in shown.items()}
    pictures = []
    for label, image in {"image": step.truth, **labelled}.items():
        pixels = (image[:3].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pictures.append(Picture(label, data_uri(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))))
    return Strip(f"{step.client} · {step.image_id}", tuple(pictures))
