"""Surface normals."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import UNLABELLED

ANGLES = (11.25, 22.5, 30.0)
BINS_PER_DEGREE = 10


class Normals(Task):
    """Unit vectors (H, W, 3) float32, x to the right and y down, zeros unlabelled; learned by the L1 distance.

    Metrics, over the pixels of all images together: `mErr`, the mean angular error, its `median`, to a tenth of a
    degree, and its `rmse`, in degrees; `within_<a>`, the percent of pixels with an error below a = 11.25, 22.5 and 30
    degrees.
    """

    weight: ClassVar[float] = 10.0
    metric: ClassVar[str] = "mErr"
    higher_is_better: ClassVar[bool] = False

    @property
    def channels(self) -> int:
        """The vector, of any length."""
        return 3

    def decode(self, raw: NDArray[Any]) -> Label:
        """round((n + 1) · 127.5) (H, W, 3) uint8, as vectors brought back to unit length."""
        self._require(raw.dtype == np.uint8 and raw.ndim == 3 and raw.shape[2] == 3, "uint8 (H, W, 3)", raw)
        vectors = raw / np.float32(127.5) - np.float32(1)
        vectors /= np.sqrt(np.square(vectors).sum(2, keepdims=True))
        return np.where(raw.any(2, keepdims=True), vectors, np.float32(0))

    def encode(self, label: Label) -> NDArray[Any]:
        """round((n + 1) · 127.5) (H, W, 3) uint8, zeros where unlabelled."""
        return np.where(label.any(2, keepdims=True), ((label + 1) * 127.5).round(), 0).astype(np.uint8)

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """Zeros everywhere."""
        return np.zeros((*size, 3), np.float32)

    def flip(self, label: Label) -> Label:
        """Mirrored, and so is what points left or right."""
        return label[:, ::-1] * np.array([-1, 1, 1], np.float32)

    def rotate(self, label: Label, degrees: float) -> Label:
        """Turned, and so is what points to a side, up or down: at 90 degrees, right becomes up."""
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned: Label = super().rotate(label, degrees) @ np.array(
            [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32
        )
        return turned

    def opposite(self, label: Label) -> Label:
        """The other way."""
        return -label

    def target(self, label: Label) -> Tensor:
        """Unit vectors or zeros (3, H, W) float32."""
        return torch.from_numpy(np.array(label.transpose(2, 0, 1), np.float32, order="C"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean |p − g| over labelled pixels and channels; output, of any length, and target (B, 3, H, W)."""
        return masked_mean((_unit(output) - target).abs(), _labelled(target).expand_as(target))

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled pixels.

        `angle` in degrees, `squared_angle`, `within_<a>` and `count`, each (); `angles`, the pixels in each tenth of a
        degree, (1800,).
        """
        angle, labelled = angular_error(output.detach(), target), _labelled(target).squeeze(1)
        tenth = (angle * BINS_PER_DEGREE).long().clamp(max=180 * BINS_PER_DEGREE - 1)
        cell = torch.where(labelled, tenth, 180 * BINS_PER_DEGREE).flatten()
        histogram = torch.bincount(cell, minlength=180 * BINS_PER_DEGREE + 1)[:-1]
        return {"angles": histogram.cpu().double()} | masked_sums(
            labelled,
            angle=angle,
            squared_angle=angle.square(),
            **{f"within_{a:g}": angle < a for a in ANGLES},
            count=torch.ones_like(angle),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`mErr`, `median` and `rmse` in degrees, `within_<a>` in percent."""
        mean = {name: total / statistics["count"] for name, total in statistics.items()}
        within = {f"within_{a:g}": float(100 * mean[f"within_{a:g}"]) for a in ANGLES}
        return {
            "mErr": float(mean["angle"]),
            "median": _median(statistics["angles"]),
            "rmse": float(mean["squared_angle"].sqrt()),
        } | within

    def predict(self, output: Tensor) -> Label:
        """Unit vectors (H, W, 3) float32."""
        return _direction(output[None])[0].permute(1, 2, 0).float().cpu().numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """The colours of the PNG: red to the right, green downwards, blue forwards, from −1 to 1."""
        return np.where(label.any(2, keepdims=True), self.encode(label), UNLABELLED).astype(np.uint8)


def angular_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Degrees (B, H, W), float64, between vectors (B, 3, H, W) of any length: 2 · atan2(‖p − g‖, ‖p + g‖) of unit ones.

    Unlike acos(p · g) it is exact near 0 and 180 degrees (Kahan, "How Futile are Mindless Assessments of
    Roundoff in Floating-Point Computation?", 2006). A vector of zeros is at 90 degrees from all others.
    """
    p, g = _direction(predicted), _direction(truth)
    return 2 * torch.rad2deg(torch.atan2(_length(p - g), _length(p + g)))


def _median(histogram: Tensor) -> float:
    """The angle below which half of the pixels are, as if they were spread evenly within a tenth of a degree."""
    half = histogram.sum() / 2
    if half == 0:
        return nan
    up_to = histogram.cumsum(0)
    tenth = min(
        int(torch.searchsorted(up_to, half)), len(histogram) - 1
    )  # counts that lie may never get there
    return float(tenth + 1 - (up_to[tenth] - half) / histogram[tenth]) / BINS_PER_DEGREE


def _labelled(target: Tensor) -> Tensor:
    return target.any(dim=1, keepdim=True)


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1).sqrt()  # on a CPU a hundred times as fast as `norm(dim=1)`


def _direction(vectors: Tensor) -> Tensor:
    """Vectors (B, 3, H, W) at unit length, float64; zeros stay zeros."""
    vectors = vectors.double()
    return vectors / _length(vectors)[:, None].clamp(min=torch.finfo(torch.float64).tiny)


def _unit(output: Tensor) -> Tensor:
    """Vectors (B, 3, H, W) at unit length, to learn by; the small constant bounds the gradient where they vanish."""
    output = output.float()
    return output * (output.square().sum(dim=1, keepdim=True) + 1e-6).rsqrt()
