"""Vanishing points: in which directions the lines of a building run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics
from fedmtl.tasks.euler import MIRROR, roll
from fedmtl.tasks.masked import masked_sums
from fedmtl.tasks.normals import angular_error
from fedmtl.tasks.palette import bar_chart
from fedmtl.tasks.regression import Regression

AXES = ("backward", "rightward", "upward")
VALUES = tuple(f"{axis}_{part}" for axis in AXES for part in "xyz")
"""What the columns of labels.csv are called, if they are."""
TOLERANCE = 0.02
"""By so much lengths may miss 1, and products of two directions 0."""


class VanishingPoints(Regression):
    """Three perpendicular directions, (9,) float32, all NaN unlabelled; learned by the smooth L1 distance.

    They are where a building's axes vanish, as unit vectors of the camera (x to the right, y up, z backwards, all from
    −1 to 1): first the axis that runs backwards, less than 45 degrees from z; then the one to the right; then upwards.
    So every image has one such label, whichever wall a building was measured along; and errors below 1 make the loss
    half the squared distance, as in Taskonomy (Zamir et al. 2018).

    Metrics: `angle`, the mean over images and axes of the angle between label and prediction, in degrees, and `rmse` of
    the nine numbers.

    No zoom into a part of an image: where the camera's middle came to be is not known then.
    """

    metric: ClassVar[str] = "angle"
    class_counts: ClassVar[range] = range(9, 10)
    zoomable: ClassVar[bool] = False

    def decode(self, raw: NDArray[Any]) -> Label:
        """Nine numbers (9,), or NaN in all."""
        self._require(raw.shape == (9,), "nine numbers (9,)", raw)
        if not np.isnan(raw).all():
            axes = raw.reshape(3, 3)
            if not np.abs(axes @ axes.T - np.eye(3)).max() < TOLERANCE:
                raise DataError(
                    f"task '{self.name}': its nine numbers are not three perpendicular directions"
                )
        return raw.astype(np.float32)

    def flip(self, label: Label) -> Label:
        """Mirrored, so that what ran to the left runs to the right."""
        backward, rightward, upward = label.reshape(3, 3) @ MIRROR.astype(np.float32)
        return np.concatenate([backward, -rightward, upward])

    def rotate(self, label: Label, degrees: float) -> Label:
        """Turned with the image."""
        turned: Label = label.reshape(3, 3) @ roll(degrees).T.astype(np.float32)
        return turned.ravel()

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled images, each (): `angle` in degrees, of three axes, `squared_error`, `count`."""
        valid = ~target.isnan().any(dim=1)
        truth, predicted = target.nan_to_num(), _unit(output.detach())
        angle = angular_error(*(each.reshape(-1, 3, 3, 1).transpose(1, 2) for each in (predicted, truth)))
        return masked_sums(
            valid,
            angle=angle.sum(dim=(1, 2)),
            squared_error=(predicted - truth).square().sum(1),
            count=torch.ones_like(truth[:, 0]),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`angle` in degrees, and `rmse`."""
        count = statistics["count"]
        return {
            "angle": float(statistics["angle"] / (3 * count)),
            "rmse": float((statistics["squared_error"] / (9 * count)).sqrt()),
        }

    def predict(self, output: Tensor) -> Label:
        """Three directions (9,) float32 at unit length."""
        return _unit(output[None])[0].cpu().numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A bar per number, from −1 to 1."""
        return bar_chart(label, -1, 1)

    def words(self, label: Label) -> str:
        """The camera's pitch (+ is up), its yaw against the axis ahead, and its roll, in degrees."""
        if np.isnan(label).any():
            return "unlabelled"
        backward, _, upward = label.reshape(3, 3)
        pitch = -np.degrees(np.arcsin(np.clip(upward[2], -1, 1)))
        yaw = np.degrees(np.arctan2(backward[0], backward[2]))
        tilt = np.degrees(np.arctan2(upward[0], upward[1]))
        return f"pitch {pitch:+.0f}°, yaw {yaw:+.0f}°, roll {tilt:+.0f}°"


def _unit(output: Tensor) -> Tensor:
    """Three vectors (B, 9) at unit length; one that vanishes stays zero."""
    vectors = output.float().reshape(-1, 3, 3)
    return F.normalize(vectors, dim=2).reshape(-1, 9)
