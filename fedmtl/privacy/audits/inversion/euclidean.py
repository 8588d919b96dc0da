"""Deep leakage from gradients (Zhu et al. 2019, arXiv 1906.08935), with the labels known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.base import Reconstruction, Search, mean_gradient
from fedmtl.privacy.audits.inversion.victim import Gradient, Victim
from fedmtl.privacy.audits.quality import total_variation

HISTORY = 50


@dataclass(frozen=True)
class Euclidean(Search):
    """Minimises the squared distance of gradients by L-BFGS; each tensor's is relative to its own squared norm.

    `steps` counts evaluations of the distance, those of the line search among them.
    """

    smoothness: float = 0.0

    def descend(self, victims: Sequence[Victim], observed: Gradient, images: Tensor) -> Reconstruction:
        images = images.clone().requires_grad_()
        optimizer = torch.optim.LBFGS(
            [images],
            max_iter=self.steps,
            max_eval=self.steps,
            history_size=HISTORY,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def evaluate() -> Tensor:
            distance = squared_distance(mean_gradient(victims, images, observed), observed)
            loss = distance + self.smoothness * total_variation(images)
            (images.grad,) = torch.autograd.grad(loss, images)
            return loss.detach()

        optimizer.step(evaluate)  # type: ignore[no-untyped-call]
        found = images.detach().nan_to_num(0.5).clamp(0, 1)
        distance = squared_distance(mean_gradient(victims, found, observed), observed)
        return Reconstruction(found, float(distance.detach()))


def squared_distance(gradient: Gradient, observed: Gradient) -> Tensor:
    """The mean over tensors of ‖g − o‖² / ‖o‖², a scalar."""
    terms = [(gradient[name] - seen).square().sum() / seen.square().sum() for name, seen in observed.items()]
    return torch.stack(terms).mean()
