"""Images and labels: where from, at what size, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from fedmtl.config.privacy import ExamplePrivacyConfig


class PartitionKind(Enum):
    """How clients that name the same source divide its training images."""

    iid = "iid"
    dirichlet = "dirichlet"
    site = "site"


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
