"""What every core of `deformable_sample` is tested on, and the definition that it is held to.

`CASES` maps a name to inputs in float64. `reference` computes the result and all gradients from the definition, a
sample at a time; `through` computes the same by a core, in any dtype. The gradient by `locations` jumps where a
point crosses a line of pixel centres, so compare gradients, and anything in float32, on
`case.clear_of_kinks()`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Case:
    """The arguments of a core, shaped as in `deformable_sample`, and the gradient (B, Q, M·D) of its result."""

    value: Tensor
    locations: Tensor
    weights: Tensor
    sources: Tensor | None
    grad: Tensor

    @cache  # noqa: B019 (the few cases live as long as the tests)
    def clear_of_kinks(self, margin=1e-3):
        """The same case, each point at least `margin` pixels from every line where its gradient jumps."""
        size = self.locations.new_tensor((self.value.shape[3], self.value.shape[2]))
        pixel = self.locations * size - 0.5
        line = pixel.round()
        away = torch.where(pixel < line, -1, 1) * (pixel - line).abs().clamp(min=2 * margin)
        return replace(self, locations=(line + away + 0.5) / size)

    def to(self, dtype, value_dtype=None, device="cpu"):
        """In `dtype`; the value, and so the gradient of the result, in `value_dtype` where that differs."""
        value_dtype = value_dtype or dtype
        return Case(
            value=self.value.to(device, value_dtype),
            locations=self.locations.to(device, dtype),
            weights=self.weights.to(device, dtype),
            sources=None if self.sources is None else self.sources.to(device),
            grad=self.grad.to(device, value_dtype),
        )


@cache
def reference(case):
    """The definition in float64: (out, gradient by value, by locations, by weights), each shaped as in `Case`."""
    value, locations, weights = (
        x.detach().double().numpy() for x in (case.value, case.locations, case.weights)
    )
    batch, _, height, width, heads, channels = value.shape
    grad = case.grad.double().numpy().reshape(batch, -1, heads, channels)
    out, by_value = np.zeros_like(grad), np.zeros_like(value)
    by_locations, by_weights = np.zeros_like(locations), np.zeros_like(weights)
    for point in np.ndindex(*weights.shape):
        b, q, m, k, _ = point
        t = k if case.sources is None else case.sources[b, q, k].item()
        x, y = locations[point] * (width, height) - 0.5
        left, top = np.floor(x), np.floor(y)
        for column, x_area, x_slope in ((left, left + 1 - x, -width), (left + 1, x - left, width)):
            for row, y_area, y_slope in ((top, top + 1 - y, -height), (top + 1, y - top, height)):
                if 0 <= column < width and 0 <= row < height:
                    pixel = (b, t, int(row), int(column), m)
                    out[b, q, m] += weights[point] * x_area * y_area * value[pixel]
                    by_value[pixel] += weights[point] * x_area * y_area * grad[b, q, m]
                    product = value[pixel] @ grad[b, q, m]
                    by_weights[point] += x_area * y_area * product
                    slope = np.array((x_slope * y_area, x_area * y_slope))
                    by_locations[point] += weights[point] * slope * product
    out = out.reshape(case.grad.shape)
    return tuple(torch.from_numpy(array) for array in (out, by_value, by_locations, by_weights))


def through(core, case):
    """As `reference`, by a core and autograd, in the dtypes that the case has."""
    inputs = [x.clone().requires_grad_() for x in (case.value, case.locations, case.weights)]
    out = core(*inputs, case.sources)
    return out.detach(), *torch.autograd.grad(out, inputs, case.grad)


def relative_error(actual, expected):
    """‖actual − expected‖ / ‖expected‖ in float64; where nothing is expected, ‖actual‖."""
    actual, expected = actual.double().cpu(), expected.double().cpu()
    return ((actual - expected).norm() / (expected.norm() or 1)).item()


def _build(
    place, *, batch=1, tasks=2, height=3, width=4, heads=2, channels=4, queries=6, points=2, sources=None
):
    rng = np.random.default_rng(0)
    slots = tasks if sources is None else sources.shape[-1]
    shape = (batch, queries, heads, slots, points)
    arrays = (
        rng.standard_normal((batch, tasks, height, width, heads, channels)),
        place(rng, (*shape, 2), np.array((width, height))),
        rng.standard_normal(shape),
    )
    if sources is not None:
        sources = torch.from_numpy(np.broadcast_to(sources, (batch, queries, slots)).astype(np.int64))
    grad = torch.from_numpy(rng.standard_normal((batch, queries, heads * channels)))
    return Case(*(torch.from_numpy(array) for array in arrays), sources, grad)


def _between(low, high):
    return lambda rng, shape, size: rng.uniform(low, high, shape)


def _around_the_border(rng, shape, size):
    """Within a pixel and a half of an edge, on either side."""
    return rng.integers(0, 2, shape) + rng.uniform(-1.5, 1.5, shape) / size


def _far_outside(rng, shape, size):
    """Some so far that their pixel's index fits no integer."""
    return rng.choice((-1e30, -1e10, -50.0, 0.3, 0.7, 50.0, 1e10, 1e30), shape)


def _on_pixel_centres(rng, shape, size):
    """Exactly, those of the ring of pixels outside too: every point lies on a kink."""
    return (rng.integers(-1, size + 1, shape) + 0.5) / size


def _on_the_border(rng, shape, size):
    """One coordinate at least is exactly 0 or 1."""
    locations = rng.uniform(0, 1, shape)
    edge = rng.integers(0, 2, shape)
    axis = rng.integers(0, 2, shape[:-1])[..., None]
    return np.where(np.arange(2) == axis, edge, locations)


_outside = _between(-0.5, 1.5)
_chosen = np.random.default_rng(1).integers(0, 5, (2, 6, 2))

CASES = {
    "inside": _build(_between(0, 1)),
    "outside": _build(_outside),
    "around the border": _build(_around_the_border),
    "on the border": _build(_on_the_border),
    "on pixel centres": _build(_on_pixel_centres),
    "far outside": _build(_far_outside),
    "all outside": _build(_between(2, 3)),
    "one pixel": _build(_outside, height=1, width=1),
    "one row": _build(_outside, height=1),
    "one column": _build(_outside, width=1),
    "one channel": _build(_outside, channels=1),
    "three channels": _build(_outside, channels=3),
    "33 channels": _build(_outside, channels=33),
    "one head": _build(_outside, heads=1),
    "three heads": _build(_outside, heads=3),
    "one point": _build(_outside, points=1),
    "five points": _build(_outside, points=5),
    "one query": _build(_outside, queries=1),
    "many queries": _build(_outside, queries=150),
    "one task": _build(_outside, tasks=1),
    "five tasks": _build(_outside, tasks=5),
    "three images": _build(_outside, batch=3),
    "all of one": _build(
        _between(0, 1), tasks=1, height=1, width=1, heads=1, channels=1, queries=1, points=1
    ),
    "two sources of five tasks": _build(_outside, batch=2, tasks=5, sources=_chosen),
    "more sources than tasks": _build(_outside, sources=np.array((1, 0, 0, 1, 1))),
    "a source twice in a query": _build(_outside, tasks=3, sources=np.array((2, 2))),
    "a source that nobody chose": _build(_outside, tasks=3, sources=np.array((0, 2))),
    "one source": _build(_outside, sources=np.array((1,))),
}
