"""Attention from every position to every position of all tasks: the baselines of the deformable one."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from fedmtl.config import AttentionConfig
from fedmtl.models.attention.block import InterTaskAttention, QueryResults


class FullAttention(InterTaskAttention):
    """Multi-head attention whose cost is quadratic in the number of tasks and positions."""

    def __init__(self, config: AttentionConfig, tasks: Sequence[str], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self.query = nn.Linear(config.channels, config.channels)
        self.key = nn.Linear(config.channels, config.channels, bias=False)  # softmax would not see a bias
        self.value = nn.Linear(config.channels, config.channels)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> QueryResults:
        """See `InterTaskAttention.attend`."""
        q = self._heads(self.query(queries))
        k, v = self._heads(self.key(keys)), self._heads(self.value(values))
        gathered = F.scaled_dot_product_attention(q, k, v)  # (B, M, Q, D)
        return QueryResults(gathered.transpose(1, 2).reshape(queries.shape), queries.new_zeros(()))

    def _heads(self, x: Tensor) -> Tensor:
        """(B, T, H, W, C) → (B, M, T·H·W, C/M)."""
        heads = self.config.heads
        return x.reshape(x.shape[0], -1, heads, x.shape[-1] // heads).transpose(1, 2)


class PooledAttention(FullAttention):
    """Full attention to average-pooled keys and values (InvPT, Ye and Xu 2022)."""

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> QueryResults:
        """See `InterTaskAttention.attend`."""
        return super().attend(queries, self._pool(keys), self._pool(values))

    def _pool(self, x: Tensor) -> Tensor:
        """(B, T, H, W, C) → (B, T, ⌈H/pool⌉, ⌈W/pool⌉, C)."""
        maps = x.flatten(0, 1).permute(0, 3, 1, 2)
        pooled = F.avg_pool2d(maps, self.config.pool, ceil_mode=True, count_include_pad=False)
        _, channels, height, width = pooled.shape
        return pooled.permute(0, 2, 3, 1).reshape(*x.shape[:2], height, width, channels)
