"""The settings of privacy: of what leaves clients, of whole clients, and of a client's images."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from omegaconf import MISSING

LEAST_HOLDERS = 3
"""Fewest holders of a group under secure sums: a sum of two tells each of them the other's part."""


class NoiseKind(Enum):
    """Who adds the noise of client-level differential privacy: nobody, the server, or the clients, a share each."""

    none = "none"
    central = "central"
    distributed = "distributed"


class ClipKind(Enum):
    """What of a client's update is clipped: each group by itself, or all of it together."""

    group = "group"
    flat = "flat"


@dataclass
class ExamplePrivacyConfig:
    """Differential privacy of a client's training images: DP-SGD, an image with all its labels one example."""

    epsilon: float = MISSING
    """What every round of every run on these images may cost together, at `delta`; then training is refused."""
    delta: float = 1e-5
    clip_norm: float = 1.0
    """The largest L2 norm of an image's gradient; it takes the place of `training.clip_norm`."""
    noise_multiplier: float | None = None
    """Standard deviation of the noise in a step's sum of gradients, in units of `clip_norm`; unset: the least with
    which what is left of the budget lasts for a run's rounds."""


@dataclass
class ClientPrivacyConfig:
    """Differential privacy of whole clients: what is released says little of whether one took part."""

    noise: NoiseKind = NoiseKind.none
    multiplier: float | None = None
    """Standard deviation of the noise in a sum over clients, in units of what one client can add to it; unset: the
    least with which all rounds together cost no more than `epsilon`."""
    epsilon: float | None = None
    """What all rounds together may cost, at `delta`: the run stops before it costs more. Unset: no limit."""
    delta: float = 1e-5
    clip: float = 1.0
    """The largest L2 norm of a client's update."""
    clip_by: ClipKind = ClipKind.group
    adaptive_quantile: float | None = None
    """The share of updates that clipping should leave as they are; the norm then follows it (Andrew et al. 2021)."""
    shrink: bool = True
    """Shrink noisy means by as much as they are likely to be noise, which costs no privacy; audits look at the noise as
    it is."""
    shares: dict[str, float] = field(default_factory=dict)
    """Shell-style patterns of groups → their share of the budget, relative to 1 of the others; the first counts."""


@dataclass
class PrivacyConfig:
    """What of a client the others and the server get to see."""

    secure_sums: bool = False
    """The server learns sums over a group's holders and nothing of one of them."""
    min_holders: int | None = None
    """A group that fewer clients train stays with them: it is not sent, nor broadcast. Unset: 3 with `secure_sums`,
    where it is the least, and no limit without."""
    largest_change: float = 8.0
    """What training may add to a value in one round (with `secure_sums`)."""
    largest_weight: int = 1000
    """Images, or labels of a task, that count for a client at most (with `secure_sums`): about the largest client's
    number of images. Much more than that costs digits."""
    client: ClientPrivacyConfig = field(default_factory=ClientPrivacyConfig)

    @property
    def least_holders(self) -> int:
        """Of a group that leaves its clients; 1 where any may."""
        if self.min_holders is not None:
            return self.min_holders
        return LEAST_HOLDERS if self.secure_sums else 1
