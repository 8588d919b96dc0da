"""Deep leakage from gradients (Zhu et al. 2019, arXiv 1906.08935), with the labels known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from fedmtl.privacy.audits.inversion.lbfgs import Lbfgs
from fedmtl.privacy.audits.inversion.rows import Rows
from fedmtl.privacy.audits.inversion.search import Descent, Search

HISTORY = 50
TINY = 1e-30


@dataclass(frozen=True)
class Euclidean(Search):
    """Minimises the squared distance of gradients by L-BFGS; each tensor's is relative to its own squared norm.

    A step is an evaluation of the distance, whether or not it is taken.
    """

    def descent(self, x: Tensor) -> Descent:
        return Lbfgs(x, HISTORY)

    def distances(self, gradients: Mapping[str, Tensor], rows: Rows) -> Tensor:
        """See `squared_distances`."""
        return squared_distances(gradients, rows)


def squared_distances(gradients: Mapping[str, Tensor], rows: Rows) -> Tensor:
    """The mean over tensors of ‖g − o‖² / ‖o‖², (R,)."""
    terms = {}
    for name, seen in rows.values.items():
        error = (gradients[name] - seen).flatten(1).square().sum(dim=1)
        # Zero where a row does not see it.
        terms[name] = error / seen.flatten(1).square().sum(dim=1).clamp(min=TINY)
    return rows.mean(terms)
