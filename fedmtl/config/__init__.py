"""The configuration of a run: one dataclass tree, which is also its documentation.

Options of interchangeable parts (a data source, a method, a task kind) are the fields of that part's own
dataclass, checked when it is built. `fedmtl.scenario` reads files and overrides into this tree.
"""

from fedmtl.config.data import (
    AugmentConfig,
    CacheKind,
    ClientConfig,
    DataConfig,
    PartitionConfig,
    PartitionKind,
    Resize,
    TaskConfig,
)
from fedmtl.config.model import (
    AdapterConfig,
    AttentionConfig,
    AttentionKind,
    BackboneConfig,
    Context,
    HeadKind,
    ModelConfig,
    NormKind,
)
from fedmtl.config.privacy import (
    LEAST_HOLDERS,
    ClientPrivacyConfig,
    ClipKind,
    ExamplePrivacyConfig,
    NoiseKind,
    PrivacyConfig,
)
from fedmtl.config.scenario import CheckpointConfig, ExchangeConfig, Plan, RayConfig, Scenario
from fedmtl.config.training import FederationConfig, OptimizerKind, Sampling, ScheduleKind, TrainingConfig

__all__ = [
    "LEAST_HOLDERS",
    "AdapterConfig",
    "AttentionConfig",
    "AttentionKind",
    "AugmentConfig",
    "BackboneConfig",
    "CacheKind",
    "CheckpointConfig",
    "ClientConfig",
    "ClientPrivacyConfig",
    "ClipKind",
    "Context",
    "DataConfig",
    "ExamplePrivacyConfig",
    "ExchangeConfig",
    "FederationConfig",
    "HeadKind",
    "ModelConfig",
    "NoiseKind",
    "NormKind",
    "OptimizerKind",
    "PartitionConfig",
    "PartitionKind",
    "Plan",
    "PrivacyConfig",
    "RayConfig",
    "Resize",
    "Sampling",
    "Scenario",
    "ScheduleKind",
    "TaskConfig",
    "TrainingConfig",
]
