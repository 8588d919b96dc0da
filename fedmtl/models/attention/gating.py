"""Which sources a query samples: Gumbel top-k over learned gates (Kool et al. 2019, arXiv 1903.06059)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fedmtl.models.routing import balance_loss


class Choice(NamedTuple):
    """What the gates chose.

    Attributes:
        sources: (N, K) int64, the sources of each query, each at most once.
        balance: `balance_loss` of the choice; its gradient reaches every gate.
    """

    sources: Tensor
    balance: Tensor


def choose_sources(logits: Tensor, k: int, noisy: bool) -> Choice:
    """The k sources of each query with the largest gates.

    With Gumbel noise on the logits the largest k are a draw without replacement from their softmax: in training
    every source is tried as often as its gate deserves, and there is no noise scale to set.

    Args:
        logits: (N, T) float32, one column a source.
        k: sources a query, at most T.
        noisy: draw from torch's global generator of the device, rather than take the largest.
    """
    scores = logits.detach()
    if noisy:
        scores = scores - (-torch.rand_like(scores).log()).log()
    sources = scores.topk(k, dim=-1).indices
    share = torch.zeros_like(scores).scatter_(-1, sources, 1.0).mean(dim=0) / k
    return Choice(sources, balance_loss(logits.softmax(dim=-1), share))
