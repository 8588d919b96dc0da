"""Where the time of the inter-task block goes, forward and backward: with the plain sampling core, and with ours.

On a CPU with two threads, in float32, batch 1. Every operator's own time, as torch's profiler gives it, is added
up by kind; what Python and autograd take between operators is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch.profiler import ProfilerActivity, profile

from simulations.benchmarks.cores import Shape
from simulations.benchmarks.scaling import forward_backward
from simulations.benchmarks.settings import refuse_settings
from simulations.benchmarks.timing import threads

SHAPES = (Shape(4, 14, 18), Shape(5, 32, 32), Shape(16, 28, 28))
THREADS = 2
BACKENDS = {"fedmtl": "auto", "plain": "plain"}
KINDS: Mapping[str, tuple[str, ...]] = {
    "sampling": ("fedmtl::", "aten::grid_sampler"),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "softmax, norm, GELU": ("aten::_softmax", "aten::native_layer_norm", "aten::gelu"),
    "copies and fills": ("aten::copy_", "aten::fill_", "aten::zero_", "aten::cat", "aten::constant_pad"),
}
"""Kind → how the names of its operators begin. The plain core's copies and products are not told apart from others."""
OTHER = "all other"


def run(
    overrides: Sequence[str] = (), *, shapes: Sequence[Shape] = SHAPES, calls: int = 5
) -> list[dict[str, Any]]:
    """Rows of implementation, tasks, height, width, kind, milliseconds (a call) and share of all kinds.

    Args:
        shapes: of the maps.
        calls: so many are averaged.

    Raises:
        ConfigError: there are overrides.
    """
    refuse_settings("attention-profile", overrides)
    rows = []
    with threads(THREADS):
        for shape in shapes:
            for name, backend in BACKENDS.items():
                times = by_kind(operator_times(forward_backward(shape, top_k=0, backend=backend), calls))
                whole = sum(times.values())
                rows += [
                    {
                        "implementation": name,
                        **shape._asdict(),
                        "kind": kind,
                        "milliseconds": milliseconds,
                        "share": milliseconds / whole,
                    }
                    for kind, milliseconds in times.items()
                ]
    return rows


def operator_times(call: Callable[[], object], calls: int) -> Iterable[tuple[str, float]]:
    """Each operator's name and its own milliseconds in one of `calls` calls; one more call goes before."""
    call()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler tells of its own starts and stops
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(calls):
            call()
    return [(event.key, event.self_cpu_time_total / 1000 / calls) for event in profiler.key_averages()]


def by_kind(times: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Times of operators, added up for each of `KINDS` and for all others."""
    totals = dict.fromkeys([*KINDS, OTHER], 0.0)
    for name, milliseconds in times:
        kind = next((kind for kind, beginnings in KINDS.items() if name.startswith(beginnings)), OTHER)
        totals[kind] += milliseconds
    return totals


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each shape and kind, with the milliseconds of both."""
    by_place: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        maps = f"{row['tasks']} × {row['height']}×{row['width']}"
        by_place.setdefault((maps, row["kind"]), {})[row["implementation"]] = row["milliseconds"]
    return [
        {"maps": maps, "kind": kind, **{f"{name}, ms": times[name] for name in reversed(BACKENDS)}}
        for (maps, kind), times in by_place.items()
    ]
