"""Local training, and the rounds of a federation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OptimizerKind(Enum):
    """The local optimiser."""

    adamw = "adamw"
    sgd = "sgd"


class ScheduleKind(Enum):
    """The learning rate over all rounds of the run."""

    constant = "constant"
    cosine = "cosine"
    linear = "linear"


class Sampling(Enum):
    """How a round's clients are drawn: a fixed number of them, or each by itself with the same probability."""

    fixed = "fixed"
    poisson = "poisson"


@dataclass
class TrainingConfig:
    """Local training, the same at every client."""

    epochs: int = 1
    """Passes over a client's images per round."""
    batch_size: int = 8
    accumulate: int = 1
    """Batches per optimiser step."""
    optimizer: OptimizerKind = OptimizerKind.adamw
    lr: float = 2e-3
    backbone_lr_scale: float = 1.0
    """The backbone's learning rate as a share of `lr`."""
    weight_decay: float = 0.01
    momentum: float = 0.9
    schedule: ScheduleKind = ScheduleKind.cosine
    warmup: float = 0.05
    """Share of the run over which the learning rate rises from zero."""
    clip_norm: float = 5.0
    """Largest gradient norm; 0 is off."""
    keep_optimizer: bool = False
    """Carry the optimiser's state from round to round, as part of the client's private state."""
    device: str = "auto"
    """auto: CUDA where there is one. On CUDA, training autocasts to bf16."""
    threads: int = 0
    """torch threads of a client; 0: torch's own choice. Results are bitwise equal only at equal threads."""


@dataclass
class FederationConfig:
    """Rounds: who takes part, and how long one waits."""

    fraction: float = 1.0
    """Share of the clients sampled for training each round."""
    sampling: Sampling = Sampling.fixed
    min_clients: int = 0
    """A round waits until so many clients have joined; 0: all that the scenario names."""
    round_timeout: float = 3600.0
    """Seconds until a round goes on without the clients that have not answered."""
    evaluate_every: int = 1
    """Rounds between evaluations on the clients' validation data; 0: only after the last round."""
    evaluate_test: bool = False
    """Measure the clients' test images, where there are any, whenever validation data is measured."""
