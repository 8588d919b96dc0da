"""Dense regression: one or more numbers a pixel, whatever they mean (keypoint heatmaps, curvature, shading, …)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import UNLABELLED

MOST = 4
"""Numbers a pixel, as a PNG can hold them."""


class DenseRegression(Task):
    """Numbers from 0 to 1, (H, W, values) float32, −1 unlabelled; learned by the L1 distance.

    The values are named by the spec's classes; without classes there is one. Data sources bring their units to 0 … 1.
    A PNG holds one value in 16 bits, round(65534 · v), or several in 8 bits each, round(254 · v); the largest number of
    so many bits is unlabelled.

    Metrics, over all labelled numbers: `mae` and `rmse`, in the same unit.
    """

    metric: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False
    class_counts: ClassVar[range] = range(MOST + 1)

    @property
    def channels(self) -> int:
        """One number per value."""
        return len(self.spec.classes) or 1

    def decode(self, raw: NDArray[Any]) -> Label:
        """uint16 (H, W) of one value, uint8 (H, W, values) of several."""
        if self.channels == 1:
            self._require(raw.dtype == np.uint16 and raw.ndim == 2, "uint16 (H, W)", raw)
            raw = raw[:, :, None]
        else:
            shaped = raw.ndim == 3 and raw.shape[2] == self.channels
            self._require(raw.dtype == np.uint8 and shaped, f"uint8 (H, W, {self.channels})", raw)
        nothing = np.iinfo(raw.dtype).max
        return np.where(raw == nothing, np.float32(-1), raw / np.float32(nothing - 1))

    def encode(self, label: Label) -> NDArray[Any]:
        """uint16 (H, W) of one value, uint8 (H, W, values) of several."""
        dtype = np.uint16 if self.channels == 1 else np.uint8
        nothing = np.iinfo(dtype).max
        raw = np.where(label < 0, nothing, (label * (nothing - 1)).round()).astype(dtype)
        return raw[:, :, 0] if self.channels == 1 else raw

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """−1 everywhere."""
        return np.full((*size, self.channels), -1, np.float32)

    def opposite(self, label: Label) -> Label:
        """1 less the number."""
        return np.where(label >= 0, 1 - label, label)

    def target(self, label: Label) -> Tensor:
        """Numbers or −1, (values, H, W) float32."""
        return torch.from_numpy(np.array(label.transpose(2, 0, 1), np.float32, order="C"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean |p − g| over labelled numbers; output and target (B, values, H, W)."""
        return masked_mean((output.float() - target).abs(), target >= 0)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled numbers, each (): `absolute_error`, `squared_error`, `count`."""
        error = output.detach().float() - target
        return masked_sums(
            target >= 0,
            absolute_error=error.abs(),
            squared_error=error.square(),
            count=torch.ones_like(target),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`mae` and `rmse`."""
        count = statistics["count"]
        return {
            "mae": float(statistics["absolute_error"] / count),
            "rmse": float((statistics["squared_error"] / count).sqrt()),
        }

    def predict(self, output: Tensor) -> Label:
        """Numbers (H, W, values) float32, brought into 0 … 1."""
        return output.float().clamp(0, 1).permute(1, 2, 0).cpu().numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """Grey of one value; red, green and blue of the first of several."""
        shown = np.repeat(label, 3, axis=2) if self.channels == 1 else label[:, :, :3]
        colours = np.zeros((*label.shape[:2], 3), np.float32)
        colours[:, :, : shown.shape[2]] = shown
        return np.where((label < 0).any(axis=2, keepdims=True), UNLABELLED, (255 * colours).round()).astype(
            np.uint8
        )
