"""Inter-task attention: deformable sampling, ours and others', against attention to every position.

On a CPU with two threads, in float32, batch 1. Per shape and pass all implementations are timed in turn, on equal
inputs; `peak_mb` is measured apart from that, `gmac` counted from shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedmtl.models.cost import multiply_adds
from simulations.benchmarks.cores import PASSES, Shape, cores
from simulations.benchmarks.memory import can_measure, measuring_process, peak_megabytes
from simulations.benchmarks.settings import refuse_settings
from simulations.benchmarks.timing import interleaved_medians, threads

SHAPES = (Shape(4, 14, 18), Shape(4, 28, 36), Shape(5, 32, 32), Shape(4, 56, 72), Shape(16, 28, 28))
THREADS = 2


def run(
    overrides: Sequence[str] = (), *, shapes: Sequence[Shape] = SHAPES, repeats: int = 3, seconds: float = 3
) -> list[dict[str, Any]]:
    """Rows of implementation, tasks, height, width, pass, milliseconds, peak_mb and gmac.

    `milliseconds` are medians; `peak_mb` is 10⁶ bytes beyond the inputs, null where the system does not tell; `gmac`
    is 10⁹ multiply-adds. There is no scenario, so there are no settings.

    Args:
        shapes: of the maps.
        repeats: at least so many times each.
        seconds: and so long for each shape and pass.

    Raises:
        ConfigError: there are overrides.
    """
    refuse_settings("attention", overrides)
    rows: list[dict[str, Any]] = []
    with threads(THREADS):
        for shape in shapes:
            built = {name: make(shape) for name, make in cores().items()}
            calls = {name: core.passes() for name, core in built.items()}
            for which in PASSES:
                # Counting is also the first call of each, which does not count as time.
                counts = {
                    name: multiply_adds(calls[name][which], core.formulas) for name, core in built.items()
                }
                medians = interleaved_medians(
                    {name: passes[which] for name, passes in calls.items()}, repeats=repeats, seconds=seconds
                )
                rows += [
                    {
                        "implementation": name,
                        **shape._asdict(),
                        "pass": which,
                        "milliseconds": medians[name],
                        "peak_mb": None,
                        "gmac": counts[name] / 1e9,
                    }
                    for name in built
                ]
    if can_measure():
        with measuring_process() as process:
            for row in rows:
                shape = Shape(row["tasks"], row["height"], row["width"])
                row["peak_mb"] = process.submit(peak, row["implementation"], shape, row["pass"]).result()
    return rows


def peak(name: str, shape: Shape, which: str) -> float:
    """The peak memory of one pass, in MB; see `memory`."""
    with threads(THREADS):
        return peak_megabytes(cores()[name](shape).passes()[which])


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each shape and pass, with every implementation's milliseconds and how often ours fits in them."""
    by_shape: dict[tuple[int, int, int, str], dict[str, float]] = {}
    for row in rows:
        key = (row["tasks"], row["height"], row["width"], row["pass"])
        by_shape.setdefault(key, {})[row["implementation"]] = row["milliseconds"]
    return [
        {
            "maps": f"{tasks} × {height}×{width}",
            "pass": which,
            **{f"{name}, ms": f"{ms:.4g} ({ms / times['fedmtl']:.1f}×)" for name, ms in times.items()},
        }
        for (tasks, height, width, which), times in by_shape.items()
    ]
