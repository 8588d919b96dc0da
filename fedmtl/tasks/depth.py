"""Monocular depth, in metres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import UNLABELLED, on_scale

SCALE = 4.0
MILLIMETRES = 1000.0
FARTHEST = 65.535
"""Metres that a 16-bit PNG of millimetres can hold."""
NEAREST = 1 / MILLIMETRES
LEAST = 1e-9
"""Metres that a depth is taken for, at least, where a logarithm or a ratio is taken of it, as the field does."""
POWERS = (1, 2, 3)
"""Of 1.25, the factor by which a depth may be wrong."""


class Depth(Task):
    """Metres (H, W) float32, 0 unlabelled; a PNG holds millimetres in 16 bits. Learned by the L1 distance.

    A depth is 4 m · softplus(output): positive, linear where it is large, and 2.8 m for an output of 0, so
    that a new head is soon in range, indoors and out.

    Metrics (Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network", 2014), over the
    pixels of all images together: `rmse` in metres, `rmse_log` (of ln p − ln g), `abs_err` (mean of |p − g|, in
    metres), `abs_rel` (mean of |p − g| / g), `sq_rel` (mean of (p − g)² / g, in metres), `log10` (mean of
    |log₁₀ p − log₁₀ g|); `delta<i>` for i = 1, 2, 3 (percent of pixels with max(p / g, g / p) < 1.25^i). And
    `rmse_images` in metres, the other convention: the mean over images of each one's `rmse`.
    """

    metric: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False

    @property
    def channels(self) -> int:
        """One."""
        return 1

    def decode(self, raw: NDArray[Any]) -> Label:
        """Millimetres (H, W) uint16, as metres float32."""
        self._require(raw.dtype == np.uint16 and raw.ndim == 2, "uint16 (H, W)", raw)
        return (raw / MILLIMETRES).astype(np.float32)

    def encode(self, label: Label) -> NDArray[Any]:
        """Millimetres (H, W) uint16; raises DataError where they exceed 16 bits."""
        if not (label >= 0).all() or label.max(initial=0) > FARTHEST:
            raise DataError(
                f"task '{self.name}': a depth PNG holds 0 to {FARTHEST} m, not {label.max():.2f} m"
            )
        return (label * MILLIMETRES).round().astype(np.uint16)

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """0 everywhere."""
        return np.zeros(size, np.float32)

    def zoom(self, label: Label, factor: float) -> Label:
        """Metres divided by `factor`."""
        return label / np.float32(factor)

    def opposite(self, label: Label) -> Label:
        """What is nearest in the image is the farthest, and the other way round."""
        known = label > 0
        if not known.any():
            return label
        return np.where(known, label[known].min() + label[known].max() - label, label)

    def target(self, label: Label) -> Tensor:
        """Metres (1, H, W) float32."""
        return torch.from_numpy(np.array(label[None], np.float32, order="C"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean |p − g| in metres over labelled pixels; output and target (B, 1, H, W)."""
        return masked_mean((_metres(output) - target).abs(), target > 0)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled pixels, each ().

        `squared_error`, `squared_log_error`, `error`, `relative_error`, `squared_relative_error`, `log10_error`,
        `within_delta<i>`, `count`; and over images with labelled pixels, `rmse_of_image` and `images`.
        """
        predicted, labelled = _metres(output.detach()), target > 0
        error, ratio = predicted - target, predicted.clamp(min=LEAST) / target
        squared = torch.where(labelled, error.square(), 0.0).flatten(1).sum(1, dtype=torch.float64)
        pixels = labelled.flatten(1).sum(1)
        return masked_sums(
            labelled,
            squared_error=error.square(),
            squared_log_error=ratio.log().square(),
            error=error.abs(),
            relative_error=error.abs() / target,
            squared_relative_error=error.square() / target,
            log10_error=ratio.log10().abs(),
            **{f"within_delta{i}": torch.maximum(ratio, 1 / ratio) < 1.25**i for i in POWERS},
            count=torch.ones_like(target),
        ) | masked_sums(pixels > 0, rmse_of_image=(squared / pixels).sqrt(), images=torch.ones_like(squared))

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """Those that the class names: lengths in metres, `delta<i>` in percent."""
        mean = {name: total / statistics["count"] for name, total in statistics.items()}
        return {
            "rmse": float(mean["squared_error"].sqrt()),
            "rmse_images": float(statistics["rmse_of_image"] / statistics["images"]),
            "rmse_log": float(mean["squared_log_error"].sqrt()),
            "abs_err": float(mean["error"]),
            "abs_rel": float(mean["relative_error"]),
            "sq_rel": float(mean["squared_relative_error"]),
            "log10": float(mean["log10_error"]),
        } | {f"delta{i}": float(100 * mean[f"within_delta{i}"]) for i in POWERS}

    def predict(self, output: Tensor) -> Label:
        """Metres (H, W) float32, at least a millimetre and at most what a PNG can hold."""
        metres = _metres(output[0]).clamp(NEAREST, FARTHEST)
        return metres.cpu().numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """Viridis from the nearest to the farthest labelled pixel of `reference`."""
        scale = label if reference is None else reference
        known = scale[scale > 0]
        low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
        return np.where(label[:, :, None] > 0, on_scale(label, low, high), UNLABELLED).astype(np.uint8)


def _metres(output: Tensor) -> Tensor:
    return SCALE * F.softplus(output.float())
