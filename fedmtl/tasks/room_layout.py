"""Room layout: the box that a room is, seen from the camera."""

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
from fedmtl.tasks.euler import MIRROR, angles_of, roll, rotation
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import bar_chart
from fedmtl.tasks.regression import Regression

VALUES = ("centre_x", "centre_y", "centre_z", "turn_x", "turn_y", "turn_z", "depth", "width", "height")
"""What the columns of labels.csv are called, if they are."""
MEAN = (0.00607, 0.01027, -3.13591, 1.56038, 0.00006, -1.56694, 5.62288, 4.08280, 2.77139)
DEVIATION = (0.86695, 0.68792, 2.08051, 0.19627, 0.01468, 0.41838, 3.99178, 2.70350, 1.22692)
"""Of each value over Taskonomy's images, as its authors standardise them."""


class RoomLayout(Regression):
    """A box and how the camera stands in it, (9,) float32, all NaN unlabelled; see Taskonomy (Zamir et al. 2018).

    The box's middle from the camera (x to the right, y up, z backwards) in metres; the turn of the camera against the
    box (see `euler.rotation`: x along the box's depth, z up) in radians; the box's depth, width and height in metres.
    Depth is along the axis that runs less than 45 degrees from where the camera looks. Learned, by the smooth L1
    distance, are the values standardised by `MEAN` and `DEVIATION`, so that metres and radians weigh alike.

    Metrics, means over images: `error`, the root of the mean squared error of the standardised values, which Taskonomy
    minimises; `centre`, the distance of the middles, and `size`, the absolute error of a side, in metres; `turn`, the
    angle between the cameras, in degrees.

    No zoom into a part of an image: how far the box is from its camera is not known then.
    """

    metric: ClassVar[str] = "error"
    class_counts: ClassVar[range] = range(9, 10)
    zoomable: ClassVar[bool] = False

    def decode(self, raw: NDArray[Any]) -> Label:
        """Nine numbers (9,), or NaN in all."""
        self._require(raw.shape == (9,), "nine numbers (9,)", raw)
        if not (np.isnan(raw).all() or np.isfinite(raw).all()):
            raise DataError(f"task '{self.name}': some of its nine numbers are not finite, or missing")
        if (raw[6:] <= 0).any():
            raise DataError(f"task '{self.name}': a room's side is {raw[6:].min():g} m, not above 0")
        return raw.astype(np.float32)

    def flip(self, label: Label) -> Label:
        """Of the mirrored room: the middle is on the other side, and the camera turned the other way."""
        # With the box's own mirror W = diag(1, −1, 1), which leaves depth and sides as they are, R becomes W R M.
        return self._moved(label, MIRROR, np.diag([1.0, -1, 1]))

    def rotate(self, label: Label, degrees: float) -> Label:
        """Seen by the camera turned the other way about where it looks."""
        return self._moved(label, roll(degrees), np.eye(3))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean smooth L1 distance of standardised values; output, standardised, and target (B, 9)."""
        cost = F.smooth_l1_loss(output.float(), _standardised(target).nan_to_num(), reduction="none")
        return masked_mean(cost, ~target.isnan())

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled images, each (): `squared_error`, `centre`, `turn`, `size`, `count`."""
        valid = ~target.isnan().any(dim=1)
        standardised, truth = output.detach().float(), target.nan_to_num()
        predicted = _in_units(standardised)
        return masked_sums(
            valid,
            squared_error=(standardised - _standardised(truth)).square().mean(1),
            centre=(predicted - truth)[:, :3].square().sum(1).sqrt(),
            turn=_angle(predicted[:, 3:6], truth[:, 3:6]),
            size=(predicted - truth)[:, 6:].abs().mean(1),
            count=torch.ones_like(truth[:, 0]),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`error` in standard deviations, `centre` and `size` in metres, `turn` in degrees."""
        mean = {name: total / statistics["count"] for name, total in statistics.items()}
        return {"error": float(mean["squared_error"].sqrt())} | {
            name: float(mean[name]) for name in ("centre", "size", "turn")
        }

    def predict(self, output: Tensor) -> Label:
        """Nine numbers (9,) float32, in metres and radians."""
        return _in_units(output[None].float())[0].cpu().numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A bar per standardised value, on an axis of three standard deviations to either side."""
        return bar_chart(_standardised(torch.from_numpy(label[None]))[0].numpy(), -3, 3)

    def words(self, label: Label) -> str:
        """The box's sides, and how far away its middle is."""
        if np.isnan(label).any():
            return "unlabelled"
        depth, width, height = label[6:]
        return f"{depth:.1f} × {width:.1f} × {height:.1f} m, middle {np.linalg.norm(label[:3]):.1f} m away"

    def _moved(self, label: Label, camera: NDArray[np.float64], box: NDArray[np.float64]) -> Label:
        """The label after a map (3, 3) of the camera's directions and one of the box's, both orthogonal."""
        turned = angles_of(box @ rotation(label[3:6]) @ camera.T)
        return np.concatenate([camera @ label[:3], turned, label[6:]]).astype(np.float32)


def _standardised(values: Tensor) -> Tensor:
    return (values - values.new_tensor(MEAN)) / values.new_tensor(DEVIATION)


def _in_units(standardised: Tensor) -> Tensor:
    return standardised * standardised.new_tensor(DEVIATION) + standardised.new_tensor(MEAN)


def _quaternions(angles: Tensor) -> Tensor:
    """Of the turns that `rotation` makes of angles (B, 3): unit quaternions (B, 4), the real part first."""
    (a, b, c), (s, t, u) = (angles / 2).cos().unbind(1), (angles / 2).sin().unbind(1)
    parts = (c * b * a + u * t * s, c * b * s - u * t * a, c * t * a + u * b * s, u * b * a - c * t * s)
    return torch.stack(parts, dim=1)


def _angle(predicted: Tensor, truth: Tensor) -> Tensor:
    """Degrees (B,) by which one camera must be turned to stand like the other; angles (B, 3)."""
    one, other = _quaternions(predicted), _quaternions(truth)
    near, far = (one - other).square().sum(1).sqrt(), (one + other).square().sum(1).sqrt()
    # q and −q are one turn; by the lengths, not by acos, which loses precision near 0.
    return torch.rad2deg(4 * torch.atan2(torch.minimum(near, far), torch.maximum(near, far)))
