"""The image of a vision transformer's update in closed form (Lu et al. 2022, arXiv 2112.14087).

A patch x_p enters as W x_p + e_p, with an embedding e_p of its own for its place. The gradient by e_p is then that by
the token, g_p, and the gradient by W is Σ_p g_p x_pᵀ: linear equations for the patches, of which there are as many as
the embedding is wide. With at least as many channels as patches, the image follows exactly. No label is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from timm.layers.patch_embed import PatchEmbed

from fedmtl.models.network import MultiTaskNetwork
from fedmtl.privacy.audits.inversion.base import Case, Inversion, Reconstruction
from fedmtl.privacy.audits.inversion.victim import Gradient, Victim

TOLERANCE = 1e-6
"""Singular values below this share of the largest are float32's rounding."""


class Places(NamedTuple):
    """The names of the two parameters that give an image away."""

    projection: str
    positions: str


@dataclass(frozen=True)
class Patches(Inversion):
    """Solves the linear equations that one step on one image leaves in the first layer; of several it makes one."""

    def applies(self, victims: Sequence[Victim], observed: Gradient) -> bool:
        places = find_places(victims[0].objective.network)
        return len(victims) == 1 and places is not None and set(places) <= set(observed)

    def reconstruct(self, cases: Sequence[Case]) -> Iterator[Reconstruction]:
        return (self._solve(case.victims[0], case.observed) for case in cases)

    def _solve(self, victim: Victim, observed: Gradient) -> Reconstruction:
        network = victim.objective.network
        places = find_places(network)
        if places is None:
            raise ValueError("the model has no patches with places of their own")
        channels, height, width = victim.shape
        padded = network.backbone.padded((height, width))
        projection = observed[places.projection].double()
        size = projection.shape[-1]
        rows, columns = padded[0] // size, padded[1] // size
        # Class and register tokens come before the patches.
        tokens = observed[places.positions][0, -rows * columns :].double()
        by_weight = projection.flatten(1)
        patches, *_ = np.linalg.lstsq(tokens.T.numpy(), by_weight.numpy(), rcond=TOLERANCE)
        solved = torch.from_numpy(patches)
        error = (tokens.T @ solved - by_weight).norm() / by_weight.norm()
        tiled = solved.float().view(rows, columns, channels, size, size).permute(2, 0, 3, 1, 4)
        image = tiled.reshape(channels, *padded)[:, :height, :width]
        image = (image * network.backbone.std + network.backbone.mean).clamp(0, 1)
        return Reconstruction(image[None], float(error))


def find_places(network: MultiTaskNetwork) -> Places | None:
    """The projection of patches and the embedding of their places, if the backbone has both; else None."""
    for name, module in network.backbone.named_modules(prefix="backbone"):
        positions = getattr(module, "pos_embed", None)
        if isinstance(positions, torch.nn.Parameter) and isinstance(
            getattr(module, "patch_embed", None), PatchEmbed
        ):
            return Places(f"{name}.patch_embed.proj.weight", f"{name}.pos_embed")
    return None
