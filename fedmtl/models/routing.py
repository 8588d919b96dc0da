"""Sparse routing over experts (Shazeer et al. 2017; z loss of ST-MoE, Zoph et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fedmtl.models.groups import Grouped


class Routing(NamedTuple):
    """What a router decided for a batch.

    Attributes:
        gates: (B, S), at most k of them positive in a row; a row sums to 1.
        balance: S·Σ_s f_s·p_s, with f_s the share of choices that fell on s, p_s its mean probability.
        z: mean of logsumexp², which keeps the logits small.
    """

    gates: Tensor
    balance: Tensor
    z: Tensor


def route(logits: Tensor, k: int) -> Routing:
    """Softmax over experts, the k largest kept and renormalised.

    Args:
        logits: (B, S), one column an expert.
        k: experts kept; all of them where there are fewer.
    """
    experts = logits.shape[1]
    k = min(k, experts)
    probabilities = logits.softmax(dim=1)
    chosen = torch.zeros_like(logits).scatter(1, logits.topk(k, dim=1).indices, 1.0)
    kept = probabilities * chosen
    share = chosen.mean(dim=0) / k
    return Routing(
        gates=kept / kept.sum(dim=1, keepdim=True),
        balance=experts * (share * probabilities.mean(dim=0)).sum(),
        z=logits.logsumexp(dim=1).square().mean(),
    )


class Gate(Grouped):
    """One bias-free gate row a pyramid level, for one pair of a task and a source.

    Rows of their own, rather than a matrix, keep every shape independent of how many tasks there are.
    """

    def __init__(self, channels: Sequence[int], group: str) -> None:
        super().__init__()
        self.group = group
        self.rows = nn.ParameterList(nn.Parameter(torch.randn(width) * width**-0.5) for width in channels)

    def forward(self, pooled: Iterable[Tensor]) -> list[Tensor]:
        """The logit (B,) of each level, from its globally pooled features (B, channels)."""
        return [features @ row for features, row in zip(pooled, self.rows, strict=True)]
