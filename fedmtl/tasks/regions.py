"""Regions: which pixels belong together, where a region's number means nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import UNLABELLED, class_colours

EMBEDDING = 64
"""Numbers a pixel, as Taskonomy's networks have."""
LATTICE = 24
"""So many rows and columns of pixels are compared; Taskonomy draws 300 pixels at random."""
SAME = math.log(3)
"""The squared distance below which two pixels are likelier in one region than not."""
NEAR = 1e-3
"""Added to the squared distance of pixels of two regions, so that the loss of equal embeddings is finite."""


class Pairs(NamedTuple):
    """Pairs of pixels of an image, each (B, P, P): squared distance, whether of one region, whether both labelled."""

    distance: Tensor
    same: Tensor
    valid: Tensor


class Regions(Task):
    """Numbers of regions (H, W) int32, −1 unlabelled; learned as an embedding, in which a region's pixels are near.

    Two pixels of an image are of one region with the probability σ = 2 / (1 + exp(‖e_p − e_q‖²)), and the loss is the
    mean of −log σ over pairs of one region and −log(1 − σ) over pairs of two (Fathi et al., "Semantic Instance
    Segmentation via Deep Metric Learning", 2017, equation 1; unweighted, as Taskonomy has it). Compared are the pixels
    of a lattice, the same in every image: so nothing is random, and whole maps cost as little as small ones.

    Metrics, over the pairs of all images together: `pair_ARI`, in percent, the adjusted Rand index of the decisions
    σ > ½ (0 is chance; the decisions need not make up regions, which the usual index takes for granted);
    `pair_accuracy`, in percent, the share that is told right (the Rand index); `pair_loss`, the loss, in nats.
    """

    metric: ClassVar[str] = "pair_ARI"
    higher_is_better: ClassVar[bool] = True

    @property
    def channels(self) -> int:
        """The embedding's numbers."""
        return EMBEDDING

    def decode(self, raw: NDArray[Any]) -> Label:
        """Numbers (H, W) uint8 or uint16, of which the largest of so many bits is unlabelled."""
        whole = raw.dtype in (np.uint8, np.uint16)
        self._require(whole and raw.ndim == 2, "uint8 or uint16 (H, W)", raw)
        return np.where(raw == np.iinfo(raw.dtype).max, np.int32(-1), raw.astype(np.int32))

    def encode(self, label: Label) -> NDArray[Any]:
        """Numbers (H, W) uint16, 65535 unlabelled."""
        return label.astype(np.uint16)  # of which −1 is the largest

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """−1 everywhere."""
        return np.full(size, -1, np.int32)

    def target(self, label: Label) -> Tensor:
        """Numbers or −1 (H, W) int32."""
        return torch.from_numpy(np.array(label, order="C"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean of −log σ and −log(1 − σ) over pairs; output (B, 64, H, W), target (B, H, W)."""
        pairs = _pairs(output, target)
        return masked_mean(_surprise(pairs), pairs.valid)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over pairs, each (): `together`, `merged`, `torn`, `apart`, which make up all of them, and `surprise`.

        Those of one region that are told so, those of two that are not, those of one that are not, those of two.
        """
        pairs = _pairs(output.detach(), target)
        said = pairs.distance < SAME
        return masked_sums(
            pairs.valid,
            together=pairs.same & said,
            merged=~pairs.same & said,
            torn=pairs.same & ~said,
            apart=~pairs.same & ~said,
            surprise=_surprise(pairs),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`pair_ARI` and `pair_accuracy` in percent, `pair_loss` in nats."""
        together, merged, torn, apart = (statistics[name] for name in ("together", "merged", "torn", "apart"))
        pairs = together + merged + torn + apart
        by_chance = (together + torn) * (torn + apart) + (together + merged) * (merged + apart)
        return {
            "pair_ARI": float(200 * (together * apart - merged * torn) / by_chance),
            "pair_accuracy": float(100 * (together + apart) / pairs),
            "pair_loss": float(statistics["surprise"] / pairs),
        }

    def predict(self, output: Tensor) -> Label:
        """Numbers (H, W) int32 from 0 on.

        On the lattice, the pixel with the most others within `SAME` makes a region of them, and so on with those that
        are left; then every pixel of the map joins the region whose mean is nearest.
        """
        embedding = output.float().cpu()
        points = _lattice(embedding).flatten(1).T
        near = torch.cdist(points, points).square() < SAME
        near.fill_diagonal_(True)  # also where a network gives no numbers, so that there is an end
        free = torch.ones(len(points), dtype=torch.bool)
        means = []
        while free.any():
            crowd = (near & free).sum(1).where(free, -1)
            members = near[crowd.argmax()] & free
            means.append(points[members].mean(0))
            free &= ~members
        centres = torch.stack(means)
        # Of ‖e‖² − 2 e·c + ‖c‖² the first is the same for all regions.
        far = centres.square().sum(1)[:, None] - 2 * centres @ embedding.flatten(1)
        return far.argmin(0).to(torch.int32).reshape(embedding.shape[1:]).numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """Regions with dark borders, each in the colour of that of `reference` of which it has the most pixels."""
        colours = class_colours()[_places(label, label if reference is None else reference) % 255]
        colours[label < 0] = UNLABELLED
        border = np.zeros(label.shape, bool)
        border[:, :-1] |= label[:, :-1] != label[:, 1:]
        border[:-1] |= label[:-1] != label[1:]
        return np.where(border[:, :, None], colours // 2, colours)


def _lattice(maps: Tensor) -> Tensor:
    """At most `LATTICE` rows and columns of maps (…, H, W), each in the middle of those that it stands for."""
    for axis in (-2, -1):
        size = maps.shape[axis]
        if size > LATTICE:
            rows = (2 * torch.arange(LATTICE, device=maps.device) + 1) * size // (2 * LATTICE)
            maps = maps.index_select(axis, rows)
    return maps


def _pairs(output: Tensor, target: Tensor) -> Pairs:
    region = _lattice(target).flatten(1)
    with torch.autocast(output.device.type, enabled=False):  # differences of products need more than 8 bits
        embedding = _lattice(output.float()).flatten(2).transpose(1, 2)
        embedding = embedding - embedding.mean(dim=1, keepdim=True)
        squared = embedding.square().sum(2)
        products = embedding @ embedding.transpose(1, 2)
        distance = (squared[:, :, None] - 2 * products + squared[:, None]).clamp(min=0)
    labelled = region >= 0
    valid = labelled[:, :, None] & labelled[:, None]
    others = ~torch.eye(region.shape[1], dtype=torch.bool, device=region.device)
    return Pairs(distance, region[:, :, None] == region[:, None], valid & others)


def _surprise(pairs: Pairs) -> Tensor:
    """−log σ of pairs of one region, −log(1 − σ) = −log tanh(d/2) of pairs of two, (B, P, P)."""
    apart = pairs.distance + NEAR
    differ = torch.log1p(torch.exp(-apart)) - torch.log(-torch.expm1(-apart))
    return torch.where(pairs.same, F.softplus(pairs.distance) - math.log(2), differ)


def _places(label: Label, reference: Label) -> NDArray[np.int64]:
    """For each pixel, where the region of `reference` that its own overlaps most comes first, from the upper left."""
    _, first, those = np.unique(reference, return_index=True, return_inverse=True)
    own = np.unique(label, return_inverse=True)[1].ravel()
    overlap = np.zeros((own.max() + 1, len(first)), np.int64)
    np.add.at(overlap, (own, those.ravel()), 1)
    place = np.argsort(np.argsort(first))
    of_pixel: NDArray[np.int64] = place[overlap.argmax(1)][own]
    return of_pixel.reshape(label.shape)
