"""The inner loops of `deformable_sample` on a CPU, compiled for one number of channels and one dtype.

Arrays are flat, as a kernel moves all D channels of a pixel at once. It first copies the maps that it reads of one
head side by side, into a buffer that stays in cache: in `value` those pixels lie M·D apart, where they would share
a few of the cache's sets and leave the rest empty. No two units of work write the same element, and every sum
has one order, so the bits are the same however the units are shared out among threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from fedmtl.compiled import kernel
from fedmtl.models.attention.lanes import VERSION, add, add_scaled, add_to, dot, load, prefetch, store, zeros

AHEAD = 6
"""One head's locations and weights lie far apart: they are fetched so many queries before their turn."""
POINTS_PER_LINE = 8
"""Locations in a cache line of 64 bytes; of weights there are at least as many."""

fused = partial(kernel, contract=True)
Kernel = Callable[..., None]
Shape = tuple[int, int, int, int, int, int, int]
"""T, H, W, M, Q, K, P."""
Extent = tuple[Any, Any, Any]
"""W, H and 1 in the dtype of the arrays: among whole numbers numba would go over to float64."""


@fused
def neighbours(x: Any, size: Any, one: Any) -> Any:
    """The two pixels around x in a row of `size` pixels: indices, shares, and how the shares change with x.

    Of a pixel outside, both are zero, and the index is that of the nearest end. NaN counts as inside: it has to
    show in the result.
    """
    zero, last = one - one, size - one
    below = np.floor(x)
    above = below + one
    below_is_out = below < zero or below > last
    above_is_out = above < zero or above > last
    share_below = zero if below_is_out else above - x
    share_above = zero if above_is_out else x - below
    slope_below = zero if below_is_out else -one
    slope_above = zero if above_is_out else one
    # Comparisons with NaN are false: it becomes index 0.
    within = below if below > -one else -one
    index = np.int64(within if within < last else last)
    return (
        max(index, 0),
        min(index + 1, np.int64(last)),
        share_below,
        share_above,
        slope_below,
        slope_above,
    )


@kernel
def sort_by_source(sources: Any, entries: Any, ends: Any) -> None:
    """Of each sample, list the queries and slots (q, k) that look at each source, rising.

    Args:
        sources: (B, Q, K) int64.
        entries: (B, Q·K, 2) int64; receives the lists, one source after another.
        ends: (B, T + 1) int64; source t's list is entries[ends[t] : ends[t + 1]].
    """
    samples, queries, slots = sources.shape
    for b in range(samples):
        ends[b] = 0
        for q in range(queries):
            for k in range(slots):
                ends[b, sources[b, q, k] + 1] += 1
        for t in range(ends.shape[1] - 1):
            ends[b, t + 1] += ends[b, t]
        free = ends[b].copy()
        for q in range(queries):
            for k in range(slots):
                place = free[sources[b, q, k]]
                entries[b, place, 0], entries[b, place, 1] = q, k
                free[sources[b, q, k]] = place + 1


@cache
def make_forward(channels: int) -> Kernel:
    """The forward kernel for heads of so many channels."""
    version = VERSION

    @fused
    def forward(
        value: Any,
        locations: Any,
        weights: Any,
        sources: Any,
        out: Any,
        maps: Any,
        shape: Shape,
        extent: Extent,
        parts: int,
        first_unit: int,
        last_unit: int,
    ) -> None:
        """A range of units, each of one head of one sample for one of `parts` of the queries.

        `maps` holds T·H·W·D elements; `sources` none where every query looks at every source in order.
        """
        if version < 0:  # never; so that numba's cache tells versions of lanes.py apart
            return
        tasks, height, width, heads, queries, slots, points = shape
        columns, rows, one = extent
        half = one / (one + one)
        pixels = tasks * height * width
        for unit in range(first_unit, last_unit):
            sample, head, part = unit // parts // heads, unit // parts % heads, unit % parts
            for i in range(pixels):
                pixel = load(value, ((sample * pixels + i) * heads + head) * channels, channels)
                store(maps, i * channels, pixel)
            for q in range(queries * part // parts, queries * (part + 1) // parts):
                query = sample * queries + q
                first = (query * heads + head) * slots * points
                soon = first + AHEAD * heads * slots * points
                for i in range(soon, soon + slots * points, POINTS_PER_LINE):
                    prefetch(locations, 2 * i)
                    prefetch(weights, i)
                # Two sums, so that one addition need not wait for the last.
                even, odd = zeros(out, channels), zeros(out, channels)
                for k in range(slots):
                    task = sources[query * slots + k] if len(sources) else k
                    origin = task * height * width
                    for i in range(first + k * points, first + (k + 1) * points):
                        x0, x1, u0, u1, _, _ = neighbours(locations[2 * i] * columns - half, columns, one)
                        y0, y1, v0, v1, _, _ = neighbours(locations[2 * i + 1] * rows - half, rows, one)
                        upper, lower = origin + y0 * width, origin + y1 * width
                        v0, v1 = weights[i] * v0, weights[i] * v1
                        even = add_scaled(even, v0 * u0, load(maps, (upper + x0) * channels, channels))
                        odd = add_scaled(odd, v0 * u1, load(maps, (upper + x1) * channels, channels))
                        even = add_scaled(even, v1 * u0, load(maps, (lower + x0) * channels, channels))
                        odd = add_scaled(odd, v1 * u1, load(maps, (lower + x1) * channels, channels))
                store(out, (query * heads + head) * channels, add(even, odd))

    return forward


@cache
def make_backward(channels: int) -> Kernel:
    """The backward kernel for heads of so many channels."""
    version = VERSION

    @fused
    def backward(
        grad: Any,
        value: Any,
        locations: Any,
        weights: Any,
        grad_value: Any,
        grad_locations: Any,
        grad_weights: Any,
        entries: Any,
        ends: Any,
        maps: Any,
        shape: Shape,
        extent: Extent,
        first_unit: int,
        last_unit: int,
    ) -> None:
        """A range of units, each of one source of one head of one sample.

        `maps` holds 2·H·W·D elements: a source's map and its gradient. See `sort_by_source` for `entries` and
        `ends`; they are empty where every query looks at every source in order.
        """
        if version < 0:  # never; so that numba's cache tells versions of lanes.py apart
            return
        tasks, height, width, heads, queries, slots, points = shape
        columns, rows, one = extent
        half = one / (one + one)
        pixels = height * width
        for unit in range(first_unit, last_unit):
            sample, head, task = unit // tasks // heads, unit // tasks % heads, unit % tasks
            first_pixel = (sample * tasks + task) * pixels
            for i in range(pixels):
                pixel = load(value, ((first_pixel + i) * heads + head) * channels, channels)
                store(maps, i * channels, pixel)
                store(maps, (pixels + i) * channels, zeros(maps, channels))
            start, stop = (ends[sample, task], ends[sample, task + 1]) if len(entries) else (0, queries)
            for e in range(start, stop):
                soon = min(e + AHEAD, stop - 1)
                q, k = (entries[sample, soon, 0], entries[sample, soon, 1]) if len(entries) else (soon, task)
                query = sample * queries + q
                prefetch(grad, (query * heads + head) * channels)
                first = ((query * heads + head) * slots + k) * points
                for i in range(first, first + points, POINTS_PER_LINE):
                    prefetch(locations, 2 * i)
                    prefetch(weights, i)
                    prefetch(grad_locations, 2 * i)
                    prefetch(grad_weights, i)

                q, k = (entries[sample, e, 0], entries[sample, e, 1]) if len(entries) else (e, task)
                query = sample * queries + q
                g = load(grad, (query * heads + head) * channels, channels)
                first = ((query * heads + head) * slots + k) * points
                for i in range(first, first + points):
                    x0, x1, u0, u1, du0, du1 = neighbours(locations[2 * i] * columns - half, columns, one)
                    y0, y1, v0, v1, dv0, dv1 = neighbours(locations[2 * i + 1] * rows - half, rows, one)
                    at00, at01 = (y0 * width + x0) * channels, (y0 * width + x1) * channels
                    at10, at11 = (y1 * width + x0) * channels, (y1 * width + x1) * channels
                    s00, s01 = dot(g, load(maps, at00, channels)), dot(g, load(maps, at01, channels))
                    s10, s11 = dot(g, load(maps, at10, channels)), dot(g, load(maps, at11, channels))
                    w = weights[i]
                    grad_weights[i] = v0 * (u0 * s00 + u1 * s01) + v1 * (u0 * s10 + u1 * s11)
                    by_x = v0 * (du0 * s00 + du1 * s01) + v1 * (du0 * s10 + du1 * s11)
                    by_y = dv0 * (u0 * s00 + u1 * s01) + dv1 * (u0 * s10 + u1 * s11)
                    grad_locations[2 * i] = w * columns * by_x
                    grad_locations[2 * i + 1] = w * rows * by_y
                    # One after another: at an edge two of the four are the same pixel.
                    add_to(maps, pixels * channels + at00, w * v0 * u0, g)
                    add_to(maps, pixels * channels + at01, w * v0 * u1, g)
                    add_to(maps, pixels * channels + at10, w * v1 * u0, g)
                    add_to(maps, pixels * channels + at11, w * v1 * u1, g)
            for i in range(pixels):
                pixel = load(maps, (pixels + i) * channels, channels)
                store(grad_value, ((first_pixel + i) * heads + head) * channels, pixel)

    return backward
