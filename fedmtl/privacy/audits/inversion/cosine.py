"""Inverting gradients by their direction (Geiping et al. 2020, arXiv 2003.14053)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from fedmtl.privacy.audits.inversion.rows import Rows
from fedmtl.privacy.audits.inversion.search import Descent, Search
from fedmtl.privacy.audits.inversion.signed_adam import SignedAdam


@dataclass(frozen=True)
class Cosine(Search):
    """Maximises the cosine similarity of gradients, under total variation, by Adam on the gradient's signs.

    Cosines are taken tensor by tensor and averaged: one over all would see little but the last layers, whose gradients
    are the largest.

    Args:
        lr: of Adam.
    """

    lr: float = 0.1

    def descent(self, x: Tensor) -> Descent:
        return SignedAdam(x, self.lr, self.steps)

    def distances(self, gradients: Mapping[str, Tensor], rows: Rows) -> Tensor:
        """See `cosine_distances`."""
        return cosine_distances(gradients, rows)


def cosine_distances(gradients: Mapping[str, Tensor], rows: Rows) -> Tensor:
    """The mean over tensors of 1 − cosine similarity, (R,), each in [0, 2]."""
    terms = {}
    for name, seen in rows.values.items():
        gradient, other = gradients[name].flatten(1), seen.flatten(1)
        # A norm's derivative at zero is infinite; there the cosine is 0.
        size = (gradient.square().sum(dim=1) + 1e-24).sqrt() * other.norm(dim=1).clamp(min=1e-24)
        terms[name] = 1 - (gradient * other).sum(dim=1) / size
    return rows.mean(terms)
