"""A metric over the rounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class CurveKey(NamedTuple):
    """What one curve of a client shows; `split` is train, val or test."""

    task: str
    metric: str
    split: str


class Point(NamedTuple):
    """One measurement."""

    round: int
    value: float


@dataclass
class Curve:
    """The values of a metric by round; None where it could not be measured, or was not finite."""

    primary: bool
    higher_is_better: bool
    values: dict[int, float | None] = field(default_factory=dict)

    @property
    def points(self) -> list[Point]:
        """The measured values in order of rounds."""
        return [Point(r, value) for r, value in sorted(self.values.items()) if value is not None]

    @property
    def final(self) -> Point | None:
        """The latest measured value; its round tells whether it is from the last one."""
        return self.points[-1] if self.points else None

    @property
    def best(self) -> Point | None:
        """The best measured value, the earliest of equals."""
        sign = 1 if self.higher_is_better else -1
        return max(self.points, key=lambda point: (sign * point.value, -point.round), default=None)
