"""Inverting gradients by their direction (Geiping et al. 2020, arXiv 2003.14053)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.base import Reconstruction, Search, mean_gradient
from fedmtl.privacy.audits.inversion.victim import Gradient, Victim
from fedmtl.privacy.audits.quality import total_variation

MILESTONES = (3 / 8, 5 / 8, 7 / 8)
"""Shares of the steps after which they become ten times smaller."""


@dataclass(frozen=True)
class Cosine(Search):
    """Maximises the cosine similarity of gradients, under total variation, by Adam on the gradient's signs.

    Cosines are taken tensor by tensor and averaged: one over all would see little but the last layers, whose gradients
    are the largest.

    Args:
        lr: of Adam.
    """

    lr: float = 0.04

    def descend(self, victims: Sequence[Victim], observed: Gradient, images: Tensor) -> Reconstruction:
        images = images.clone().requires_grad_()
        optimizer = torch.optim.Adam([images], lr=self.lr)
        schedule = torch.optim.lr_scheduler.MultiStepLR(
            optimizer, [max(round(share * self.steps), 1) for share in MILESTONES]
        )
        for _ in range(self.steps):
            distance = cosine_distance(mean_gradient(victims, images, observed), observed)
            loss = distance + self.smoothness * total_variation(images)
            (slope,) = torch.autograd.grad(loss, images)
            images.grad = slope.sign()
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                images.clamp_(0, 1)
        distance = cosine_distance(mean_gradient(victims, images, observed), observed)
        return Reconstruction(images.detach(), float(distance.detach()))


def cosine_distance(gradient: Gradient, observed: Gradient) -> Tensor:
    """The mean over tensors of 1 − cosine similarity, a scalar in [0, 2]."""
    terms = []
    for name, seen in observed.items():
        # A norm's derivative at zero is infinite; there the cosine is 0.
        size = (gradient[name].square().sum() + 1e-24).sqrt() * seen.norm()
        terms.append(1 - (gradient[name] * seen).sum() / size)
    return torch.stack(terms).mean()
