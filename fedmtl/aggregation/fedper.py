"""FedPer (Arivazhagan et al. 2019, arXiv 1912.00818): the layers on top stay personal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedmtl.aggregation.base import Method
from fedmtl.aggregation.fedavg import FedAvg


@dataclass(frozen=True)
class FedPer(FedAvg):
    """FedAvg on what lies below the heads; the heads never leave."""

    keeps_private: ClassVar[frozenset[str]] = Method.keeps_private | {"head"}
