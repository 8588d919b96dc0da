"""Krum (Blanchard et al. 2017, arXiv 1703.02757), per parameter group over that group's holders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedmtl.aggregation.gathered import Matrix, combine, squared_distances
from fedmtl.aggregation.order_statistics import BLOCK, median, sort_columns
from fedmtl.aggregation.robust import AttackersCounted, attackers_among
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Krum(AttackersCounted):
    """Every group moves by the one update that is nearest to its n − f − 2 nearest others, by squared distances.

    f is a share of the holders, rounded up. Krum needs n ≥ 2f + 3 of them; a group with fewer moves by the
    coordinate-wise median. With buckets, n counts these.
    """

    def combine(self, vectors: Sequence[Vector], clients: int) -> Vector:
        count, bad = len(vectors), attackers_among(clients, self.attackers)
        if count < 2 * bad + 3:
            return median(vectors)
        nearest = np.argsort(krum_scores(distances(vectors), bad), kind="stable")[: self.kept(count, bad)]
        weights = np.zeros((1, count))
        weights[0, nearest] = 1 / len(nearest)
        return combine(weights, vectors)[0]

    def kept(self, count: int, bad: int) -> int:
        """How many updates the mean is taken of, the best first.

        Args:
            count: n.
            bad: f.
        """
        return 1


def krum_scores(apart: Matrix, bad: int) -> NDArray[np.float64]:
    """Σ of each one's squared distances to its n − f − 2 nearest others, (n,).

    Args:
        apart: squared distances, (n, n).
        bad: f.
    """
    others = np.sort(apart + np.diag(np.full(len(apart), np.inf)), axis=1)
    scores: NDArray[np.float64] = others[:, : len(apart) - bad - 2].sum(axis=1)
    return scores


def distances(vectors: Sequence[Vector]) -> Matrix:
    """‖a − b‖² of n vectors, (n, n), from inner products in float64 of what they are less their median.

    Products of the vectors themselves lose what is small beside them. Less their mean they would lose it as soon as one
    is far off, for which the median does not move.
    """
    products = np.zeros((len(vectors), len(vectors)))
    middle = (len(vectors) - 1) // 2
    for begin in range(0, vectors[0].size, BLOCK):
        rows = np.stack([vector[begin : begin + BLOCK] for vector in vectors])
        centre = sort_columns(list(rows.copy()))[middle]
        wide = rows.astype(np.float64) - centre
        products += wide @ wide.T
    return squared_distances(products)
