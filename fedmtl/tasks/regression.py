"""Image-level regression: one or more numbers per image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics
from fedmtl.tasks.columns import Columns
from fedmtl.tasks.masked import masked_mean
from fedmtl.tasks.palette import bar_chart


class Regression(Columns):
    """Numbers (values,) float32, NaN unlabelled; learned by the smooth L1 distance.

    The values are named by the spec's classes; without classes there is one, named by the task.

    Metrics, means over the values: `rmse` and `mae` in the values' units, and `r2`, 1 − SSE / Σ(y − ȳ)²; a
    value without labels is left out, and of `r2` also one that does not vary.
    """

    metric: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False
    class_counts: ClassVar[range] = range(sys.maxsize)

    @property
    def channels(self) -> int:
        """One number per value."""
        return len(self.spec.classes) or 1

    def decode(self, raw: NDArray[Any]) -> Label:
        """A finite number or NaN per value, in as many columns (values,)."""
        self._require(raw.shape == (self.channels,), f"one number per value ({self.channels},)", raw)
        if np.isinf(raw).any():
            raise DataError(f"task '{self.name}': a value is infinite; leave it empty where it is unknown")
        return raw.astype(np.float32)

    def opposite(self, label: Label) -> Label:
        """The numbers with the other sign."""
        return -label

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean smooth L1 distance over labelled values; output and target (B, values)."""
        cost = F.smooth_l1_loss(output.float(), target.nan_to_num(), reduction="none")
        return masked_mean(cost, ~target.isnan())

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums, (values,): `squared_error`, `absolute_error`, `truth`, `squared_truth`, `count`."""
        valid = ~target.isnan()
        truth = target.double().nan_to_num()
        error = torch.where(valid, output.detach().double() - truth, 0.0)
        sums = [error.square(), error.abs(), truth, truth.square(), valid.double()]
        names = ("squared_error", "absolute_error", "truth", "squared_truth", "count")
        return dict(zip(names, torch.stack([each.sum(0) for each in sums]).cpu(), strict=True))

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`rmse` and `mae` in the values' units, and `r2`."""
        mean = {name: total / statistics["count"] for name, total in statistics.items()}
        variance = mean["squared_truth"] - mean["truth"].square()
        r2 = torch.where(
            variance > 1e-12 * mean["squared_truth"], 1 - mean["squared_error"] / variance, torch.nan
        )
        return {
            "rmse": float(mean["squared_error"].sqrt().nanmean()),
            "mae": float(mean["absolute_error"].nanmean()),
            "r2": float(r2.nanmean()),
        }

    def predict(self, output: Tensor) -> Label:
        """Numbers (values,) float32."""
        return output.float().cpu().numpy()

    def summary(self, output: Tensor) -> dict[str, Any]:
        """`values` by name, in the units of the labels."""
        return {
            "values": dict(zip(self.spec.classes or (self.name,), self.predict(output).tolist(), strict=True))
        }

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A bar per value, on the scale of `reference`."""
        scale = np.nan_to_num(label if reference is None else reference)
        return bar_chart(label, min(scale.min(), 0), max(scale.max(), 0))

    def words(self, label: Label) -> str:
        """The values, to three digits; – where one is unlabelled."""
        shown = ["–" if np.isnan(value) else f"{value:.3g}" for value in label]
        names = self.spec.classes or ("",)
        return ", ".join(f"{name} {value}".strip() for name, value in zip(names, shown, strict=True))
