"""Gradient inversion: an image from the update that one training step on it made. One attack a file."""

from fedmtl.privacy.audits.inversion.base import Inversion, Reconstruction
from fedmtl.privacy.audits.inversion.victim import Gradient, Victim
from fedmtl.registry import Registry

INVERSIONS: Registry[Inversion] = Registry(
    "inversion",
    Inversion,  # type: ignore[type-abstract]
    "fedmtl.inversions",
    {
        "cosine": "fedmtl.privacy.audits.inversion.cosine:Cosine",
        "euclidean": "fedmtl.privacy.audits.inversion.euclidean:Euclidean",
        "patches": "fedmtl.privacy.audits.inversion.patches:Patches",
    },
)

__all__ = ["INVERSIONS", "Gradient", "Inversion", "Reconstruction", "Victim"]
