"""The coordinate-wise trimmed mean (Yin et al. 2018, arXiv 1803.01498), per group over that group's holders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedmtl.aggregation.order_statistics import middle_mean
from fedmtl.aggregation.robust import AttackersCounted, attackers_among
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class TrimmedMean(AttackersCounted):
    """Every value moves by the mean of its holders' updates without the f smallest and the f largest.

    Up to f attackers cannot take it out of the range of honest values. f is a share of the holders, rounded up; where
    2f is all of them or more, what is left is the median.
    """

    def combine(self, vectors: Sequence[Vector], clients: int) -> Vector:
        most = (len(vectors) - 1) // 2
        return middle_mean(vectors, min(attackers_among(clients, self.attackers), most))
