"""A quantity over seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

from fedmtl.reporting.units import duration, number, signed, size


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds; `std` is None for a single seed."""

    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """The spread of the values that are there; None where none is."""
        present = [value for value in values if value is not None]
        if not present:
            return None
        return cls(fmean(present), stdev(present) if len(present) > 1 else None)

    def write(self, number: Callable[[float], str]) -> str:
        """As text, each number written by `number`.

        >>> Spread(41.25, 0.5).write("{:.2f}".format)
        '41.25 ± 0.50'
        """
        return number(self.mean) + (f" ± {number(self.std)}" if self.std is not None else "")


def lowest(changes: Mapping[str, Spread]) -> tuple[str, float] | None:
    """Who gains least, or loses most, and that mean; None where there is nobody."""
    means = {name: change.mean for name, change in changes.items()}
    return min(means.items(), key=lambda item: item[1], default=None)


def written(values: Spread | None, quantity: str, unit: str = "") -> str:
    """A spread as text; `quantity` is value (in `unit`), delta, bytes or seconds."""
    if values is None:
        return "–"
    match quantity:
        case "delta":
            std = f" ± {values.std:.1f}" if values.std is not None else ""
            return signed(values.mean).replace(" %", f"{std} %")
        case "bytes":
            return values.write(size)
        case "seconds":
            return values.write(duration)
        case _:
            return values.write(lambda value: number(value, unit))
