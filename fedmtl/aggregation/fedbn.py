"""FedBN (Li et al. 2021, arXiv 2102.07623): normalisation stays local."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedmtl.aggregation.base import Method
from fedmtl.aggregation.fedavg import FedAvg


@dataclass(frozen=True)
class FedBN(FedAvg):
    """FedAvg without the backbone's normalisation, neither its affine parameters nor its statistics."""

    keeps_private: ClassVar[frozenset[str]] = Method.keeps_private | {"norm"}
