"""What is observed in attempts that run side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.victim import Gradient


class Rows(NamedTuple):
    """The gradients that R attempts look for the images of.

    Attributes:
        values: parameter → (R, …); zero in a row that does not see it.
        seen: parameter → (R,), 1 in a row that sees it, else 0.
    """

    values: Mapping[str, Tensor]
    seen: Mapping[str, Tensor]

    @classmethod
    def of(cls, observed: Sequence[Gradient]) -> Rows:
        """A row each."""
        shapes = {name: value.shape for gradient in observed for name, value in gradient.items()}
        values = {
            name: torch.stack([gradient.get(name, torch.zeros(shape)) for gradient in observed])
            for name, shape in shapes.items()
        }
        seen = {name: torch.tensor([float(name in gradient) for gradient in observed]) for name in shapes}
        return cls(values, seen)

    def take(self, rows: Tensor) -> Rows:
        """Those at the indices `rows`, as often as they are named."""
        return Rows(
            {name: value[rows] for name, value in self.values.items()},
            {name: value[rows] for name, value in self.seen.items()},
        )

    def mean(self, terms: Mapping[str, Tensor]) -> Tensor:
        """(R,): the mean of what each parameter says of a row, (R,), over those that the row sees."""
        total = sum((self.seen[name] * term for name, term in terms.items()), torch.zeros(()))
        return total / sum(self.seen.values(), torch.zeros(()))
