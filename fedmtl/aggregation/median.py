"""The coordinate-wise median (Yin et al. 2018, arXiv 1803.01498), per parameter group over that group's holders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedmtl.aggregation.order_statistics import median
from fedmtl.aggregation.robust import Robust
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Median(Robust):
    """Every value moves by the median of its holders' updates.

    It stays between values of honest holders as long as they are a majority. Of two holders it is the mean.
    """

    def combine(self, vectors: Sequence[Vector], clients: int) -> Vector:
        return median(vectors)
