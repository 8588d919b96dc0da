"""Attention between the maps of tasks, at one pyramid stride."""

from collections.abc import Sequence

from fedmtl.config import AttentionConfig, AttentionKind
from fedmtl.errors import ModelError
from fedmtl.models.attention.block import InterTaskAttention
from fedmtl.models.attention.deformable import DeformableAttention
from fedmtl.models.attention.dense import FullAttention, PooledAttention
from fedmtl.models.attention.sampling import deformable_sample

__all__ = [
    "DeformableAttention",
    "FullAttention",
    "InterTaskAttention",
    "PooledAttention",
    "build_attention",
    "deformable_sample",
]

_KINDS: dict[AttentionKind, type[InterTaskAttention]] = {
    AttentionKind.deformable: DeformableAttention,
    AttentionKind.full: FullAttention,
    AttentionKind.pooled: PooledAttention,
}


def build_attention(config: AttentionConfig, tasks: Sequence[str], seed: int) -> InterTaskAttention | None:
    """The attention that `config` asks for, over `tasks`; None where it asks for none.

    Raises:
        ModelError: the channels cannot be divided among the heads, or into sines and cosines of two axes; or
            `top_k` is negative.
    """
    if config.top_k < 0:
        raise ModelError(f"model.attention.top_k: {config.top_k} is negative; 0 samples every source")
    if config.channels % config.heads or config.channels % 4:
        raise ModelError(
            f"model.attention.channels: {config.channels} is not a multiple of 4 and of {config.heads} heads"
        )
    kind = _KINDS.get(config.kind)
    return kind(config, tasks, seed) if kind else None
