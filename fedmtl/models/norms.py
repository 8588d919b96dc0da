"""Which modules are normalisation layers, by type."""

from __future__ import annotations

from timm.layers.evo_norm import EvoNorm2dB0, EvoNorm2dB1, EvoNorm2dB2, EvoNorm2dS0, EvoNorm2dS1
from timm.layers.filter_response_norm import FilterResponseNormAct2d, FilterResponseNormTlu2d
from timm.layers.norm import RmsNorm, RmsNorm2d, SimpleNorm, SimpleNorm2d
from timm.layers.norm_act import FrozenBatchNormAct2d
from torch import nn

NORMS: tuple[type[nn.Module], ...] = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm2d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    EvoNorm2dB0,
    EvoNorm2dB1,
    EvoNorm2dB2,
    EvoNorm2dS0,
    EvoNorm2dS1,
    FilterResponseNormAct2d,
    FilterResponseNormTlu2d,
    FrozenBatchNormAct2d,
    RmsNorm,
    RmsNorm2d,
    SimpleNorm,
    SimpleNorm2d,
)
"""torch's and timm's; timm's other normalisation layers derive from these."""

STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
"""Buffers of a normalisation layer that training changes."""
