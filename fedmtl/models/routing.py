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
        balance: see `balance_loss`.
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
    k = min(k, logits.shape[1])
    probabilities = logits.softmax(dim=1)
    chosen = torch.zeros_like(logits).scatter(1, logits.topk(k, dim=1).indices, 1.0)
    kept = probabilities * chosen
    share = chosen.mean(dim=0) / k
    return Routing(
        gates=kept / kept.sum(dim=1, keepdim=True),
        balance=balance_loss(probabilities, share),
        z=logits.logsumexp(dim=1).square().mean(),
    )


def balance_loss(probabilities: Tensor, share: Tensor) -> Tensor:
    """S·Σ_s f_s·p_s (Fedus et al. 2022): 1 where choices are even, S where all fall on one.

    Args:
        probabilities: (B, S), whose mean over the batch is p.
        share: (S,), f: of all choices, how many fell on s; sums to 1.
    """
    return len(share) * (share * probabilities.mean(dim=0)).sum()


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
