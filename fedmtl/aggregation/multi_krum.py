"""Multi-Krum (Blanchard et al. 2017, arXiv 1703.02757), per parameter group over that group's holders."""

from __future__ import annotations

from dataclasses import dataclass

from fedmtl.aggregation.krum import Krum


@dataclass(frozen=True)
class MultiKrum(Krum):
    """Every group moves by the mean of the n − f updates that Krum finds best; the rest is as with `krum`.

    The authors prove as much as for Krum of up to n − 2f − 2 updates; n − f is the number that is used, and learns as
    fast as the mean of the honest.
    """

    def kept(self, count: int, bad: int) -> int:
        return count - bad
