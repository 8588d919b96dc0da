"""What image-level kinds with a number a column have in common: their encoding, and what is unlabelled."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.tasks.base import Label, Task


class Columns(Task):
    """Numbers (columns,) float32, as many as the head has channels, NaN unlabelled."""

    dense: ClassVar[bool] = False

    def encode(self, label: Label) -> NDArray[Any]:
        """The same in float64."""
        return label.astype(np.float64)

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """NaN in every column."""
        return np.full(self.channels, np.nan, np.float32)

    def target(self, label: Label) -> Tensor:
        """Numbers or NaN (columns,) float32."""
        return torch.tensor(label)
