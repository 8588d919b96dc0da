"""Everything that determines a run, and what of it has to be the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from fedmtl.config.data import AugmentConfig, ClientConfig, DataConfig, Resize, TaskConfig
from fedmtl.config.model import ModelConfig
from fedmtl.config.privacy import PrivacyConfig
from fedmtl.config.training import FederationConfig, TrainingConfig


@dataclass
class ExchangeConfig:
    """How groups travel, each way: fp32 · bf16 · int8 · topk, with that codec's options."""

    up: dict[str, Any] = field(default_factory=lambda: {"name": "fp32"})
    """What training added, from clients; what a codec loses is added to a client's next update."""
    down: dict[str, Any] = field(default_factory=lambda: {"name": "fp32"})
    """To clients: values, or, with a lossy codec, their difference from what a client has."""


@dataclass
class CheckpointConfig:
    """How often the run is saved."""

    every: int = 1
    """Rounds between checkpoints; 0: only after the last round. With `privacy.secure_sums`, it is after every round."""
    keep: int = 2


@dataclass
class RayConfig:
    """What one client takes of the machine under Flower's Simulation Runtime."""

    cpus_per_client: int = 1
    gpus_per_client: float = 0.0


@dataclass
class Scenario:
    """Everything that determines a run."""

    name: str = MISSING
    description: str = ""
    seed: int = 0
    rounds: int = 10
    data_root: str = "."
    """Where data folders lie; sources refer to it as ${data_root}."""
    data: DataConfig = field(default_factory=DataConfig)
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    clients: dict[str, ClientConfig] = field(default_factory=dict)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    method: dict[str, Any] = field(default_factory=lambda: {"name": "fedavg"})
    """{name, and that method's options}."""
    federation: FederationConfig = field(default_factory=FederationConfig)
    exchange: ExchangeConfig = field(default_factory=ExchangeConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    ray: RayConfig = field(default_factory=RayConfig)


@dataclass
class Plan:
    """What the server tells every client of the scenario: all that has to be the same everywhere.

    Where the data lies and how it is loaded is not in it: that is each site's own.
    """

    seed: int = 0
    rounds: int = 1
    image_size: tuple[int, int] = (96, 128)
    resize: Resize = Resize.stretch
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    method: dict[str, Any] = field(default_factory=dict)
    exchange: ExchangeConfig = field(default_factory=ExchangeConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)

    @classmethod
    def of(cls, scenario: Scenario) -> Plan:
        """The shared part of a scenario."""
        return cls(
            seed=scenario.seed,
            rounds=scenario.rounds,
            image_size=scenario.data.image_size,
            resize=scenario.data.resize,
            augment=scenario.data.augment,
            tasks=scenario.tasks,
            model=scenario.model,
            training=scenario.training,
            method=scenario.method,
            exchange=scenario.exchange,
            privacy=scenario.privacy,
        )
