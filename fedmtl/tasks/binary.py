"""What maps of one yes-or-no question have in common: their encoding and their weighted loss."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.masked import masked_mean
from fedmtl.tasks.palette import UNLABELLED


class BinaryMap(Task):
    """How sure a pixel is of a yes, 0 to 255, (H, W) int16, −1 unlabelled; above 127 it is one.

    A PNG holds the same in 8 bits, where every value is a label; only a padded border has no label.
    """

    higher_is_better: ClassVar[bool] = True

    @property
    def channels(self) -> int:
        """The logit of a yes."""
        return 1

    def decode(self, raw: NDArray[Any]) -> Label:
        """Values 0 to 255 (H, W) uint8, as int16."""
        self._require(raw.dtype == np.uint8 and raw.ndim == 2, "uint8 (H, W)", raw)
        return raw.astype(np.int16)

    def encode(self, label: Label) -> NDArray[Any]:
        """Values 0 to 255 (H, W) uint8; raises DataError where a pixel is unlabelled."""
        if (label < 0).any():
            raise DataError(
                f"task '{self.name}': a PNG of kind '{self.spec.kind}' cannot hold unlabelled pixels"
            )
        return label.astype(np.uint8)

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """−1 everywhere."""
        return np.full(size, -1, np.int16)

    def opposite(self, label: Label) -> Label:
        """255 less the value."""
        return np.where(label >= 0, 255 - label, label)

    def target(self, label: Label) -> Tensor:
        """1 for a yes, 0 for a no, −1 unlabelled; (1, H, W) float32."""
        return torch.from_numpy(np.where(label < 0, -1, label > 127)[None].astype(np.float32))

    def predict(self, output: Tensor) -> Label:
        """The probability of a yes, times 255."""
        return (255 * output[0].float().sigmoid()).round().to("cpu", torch.int16).numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """From black for a no to white for a yes."""
        return np.where(label[:, :, None] < 0, UNLABELLED, label[:, :, None]).astype(np.uint8)


def weighted_cross_entropy(output: Tensor, target: Tensor, positive_weight: float | Tensor) -> Tensor:
    """Mean over labelled pixels of −w·y·log p − (1 − w)·(1 − y)·log(1 − p), with w = `positive_weight`.

    Args:
        output: logits (B, 1, H, W).
        target: 1, 0, or −1 where unlabelled; same shape.
        positive_weight: w, between 0 and 1.
    """
    cost = F.binary_cross_entropy_with_logits(output.float(), target.clamp(min=0), reduction="none")
    weight = torch.where(target == 1, positive_weight, 1 - positive_weight)
    return masked_mean(weight * cost, target >= 0)
