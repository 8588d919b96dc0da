"""The inner loops of `deformable_sample` on a CPU, compiled for one number of channels and of points, and one dtype.

Arrays are flat, as a kernel moves all D channels of a pixel at once. It first copies the maps that it reads of one
head side by side, into a buffer that stays in cache: in `value` those pixels lie M·D apart, where they would share
a few of the cache's sets and leave the rest empty. The copies have a margin of zeros, in which points outside come to
lie, so that no pixel has to be looked at for whether it exists. No two units of work write the same element, and
every sum has one order, so the bits are the same however the units are shared out among threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from numba.extending import register_jitable

from fedmtl.compiled import kernel
from fedmtl.models.attention.corners import VERSION, dot_and_scatter, gather
from fedmtl.models.lanes import (
    clamp,
    evens,
    floor,
    interleave,
    load,
    odds,
    prefetch,
    store,
    whole,
    zeros,
)

AHEAD = 4
"""One head's locations and weights lie far apart: they are fetched so many queries before their turn."""
MARGIN = 2
"""Pixels of zeros beside a map: of a point that is far outside, all four corners lie there."""

fused = partial(kernel, contract=True)
Kernel = Callable[..., None]
Shape = tuple[int, int, int, int, int, int]
"""T, H, W, M, Q, K."""


def padded(height: int, width: int) -> int:
    """The pixels of a map with its margin; what lies right of a row is also left of the next."""
    return (height + 2 * MARGIN) * (width + MARGIN) + MARGIN


# Not kernels of their own: numba's cache lists each by its arguments, and could not be read once Lanes had moved.
@register_jitable  # type: ignore[untyped-decorator]
def locate(x: Any, size: Any) -> Any:
    """The pixels next below x in a row of `size`, and how far x lies beyond them, in [0, 1).

    What is far outside is moved to where both pixels around it are margin. NaN stays: it has to show in the result.
    """
    x = clamp(x, -MARGIN, size)
    below = floor(x)
    return whole(below), x - below


@register_jitable  # type: ignore[untyped-decorator]
def find(xy: Any, height: Any, width: Any, pixel: Any) -> Any:
    """Where points lie in a padded map whose pixels take so many elements.

    Args:
        xy: x and y in [0, 1] of each point, in turn.
        height, width: of the map, in pixels.
        pixel: in elements.

    Returns:
        Where each point's upper left pixel starts, and how far right of it and below it the point lies.
    """
    x, u = locate(evens(xy) * width - 0.5, width)
    y, v = locate(odds(xy) * height - 0.5, height)
    return ((y + MARGIN) * (width + MARGIN) + x + MARGIN) * pixel, u, v


@register_jitable  # type: ignore[untyped-decorator]
def corner_shares(u: Any, v: Any, weight: Any) -> Any:
    """What each corner gets of the weight of a point that lies u right of and v below the first."""
    upper, lower = weight * (1 - v), weight * v
    return upper * (1 - u), upper * u, lower * (1 - u), lower * u


@fused
def entry(entries: Any, sample: Any, e: Any, task: Any) -> Any:
    """The e-th query that looks at source `task`, and with which slot; see `sort_by_source`."""
    return (entries[sample, e, 0], entries[sample, e, 1]) if len(entries) else (e, task)


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
def make_forward(channels: int, points: int) -> Kernel:
    """The forward kernel for heads of so many channels, and so many points in each source."""
    version, coordinates = VERSION, 2 * points

    @fused
    def forward(
        value: Any,
        locations: Any,
        weights: Any,
        sources: Any,
        out: Any,
        maps: Any,
        shape: Shape,
        parts: int,
        first_unit: int,
        last_unit: int,
    ) -> None:
        """A range of units, each of one head of one sample for one of `parts` of the queries.

        `maps` holds T padded maps of D channels; `sources` none where every query looks at every source in order.
        """
        if version < 0:  # never; so that numba's cache tells versions of lanes.py and corners.py apart
            return
        tasks, height, width, heads, queries, slots = shape
        stride, area = width + MARGIN, len(maps) // (tasks * channels)
        maps[:] = 0
        for unit in range(first_unit, last_unit):
            sample, head, part = unit // parts // heads, unit // parts % heads, unit % parts
            for row in range(tasks * height):
                pixel = (sample * tasks * height + row) * width
                place = row // height * area + (row % height + MARGIN) * stride + MARGIN
                for x in range(width):
                    channel = ((pixel + x) * heads + head) * channels
                    store(maps, (place + x) * channels, load(value, channel, channels))
            for q in range(queries * part // parts, queries * (part + 1) // parts):
                query = sample * queries + q
                total = zeros(out, channels)
                for k in range(slots):
                    task = sources[query * slots + k] if len(sources) else k
                    first = ((query * heads + head) * slots + k) * points
                    soon = first + AHEAD * heads * slots * points
                    prefetch(locations, 2 * soon)
                    prefetch(weights, soon)
                    starts, u, v = find(load(locations, 2 * first, coordinates), height, width, channels)
                    starts = starts + task * area * channels
                    shares = corner_shares(u, v, load(weights, first, points))
                    total = total + gather(maps, starts, channels, stride * channels, shares, channels)
                store(out, (query * heads + head) * channels, total)

    return forward


@cache
def make_backward(channels: int, points: int) -> Kernel:
    """The backward kernel for heads of so many channels, and so many points in each source."""
    version, coordinates = VERSION, 2 * points

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
        first_unit: int,
        last_unit: int,
    ) -> None:
        """A range of units, each of one source of one head of one sample.

        `maps` holds a padded map of D channels and their gradients, a pixel's behind its channels. See
        `sort_by_source` for `entries` and `ends`; they are empty where every query looks at every source in order.
        """
        if version < 0:  # never; so that numba's cache tells versions of lanes.py and corners.py apart
            return
        tasks, height, width, heads, queries, slots = shape
        stride, both = width + MARGIN, 2 * channels
        maps[:] = 0
        for unit in range(first_unit, last_unit):
            sample, head, task = unit // tasks // heads, unit // tasks % heads, unit % tasks
            first_row = (sample * tasks + task) * height
            for row in range(height):
                place = (row + MARGIN) * stride + MARGIN
                for x in range(width):
                    channel = (((first_row + row) * width + x) * heads + head) * channels
                    store(maps, (place + x) * both, load(value, channel, channels))
                    store(maps, (place + x) * both + channels, zeros(maps, channels))
            start, stop = (ends[sample, task], ends[sample, task + 1]) if len(entries) else (0, queries)
            for e in range(start, stop):
                q, k = entry(entries, sample, min(e + AHEAD, stop - 1), task)
                soon = (sample * queries + q) * heads + head
                prefetch(grad, soon * channels)
                prefetch(locations, 2 * (soon * slots + k) * points)
                prefetch(weights, (soon * slots + k) * points)
                prefetch(grad_locations, 2 * (soon * slots + k) * points)
                prefetch(grad_weights, (soon * slots + k) * points)

                q, k = entry(entries, sample, e, task)
                query = (sample * queries + q) * heads + head
                first = (query * slots + k) * points
                starts, u, v = find(load(locations, 2 * first, coordinates), height, width, both)
                weight = load(weights, first, points)
                shares = corner_shares(u, v, weight)
                g = load(grad, query * channels, channels)
                s00, s01, s10, s11 = dot_and_scatter(maps, starts, both, stride * both, shares, g)
                upper, lower = (1 - u) * s00 + u * s01, (1 - u) * s10 + u * s11
                by_x = (1 - v) * (s01 - s00) + v * (s11 - s10)
                by_y = lower - upper
                store(grad_weights, first, (1 - v) * upper + v * lower)
                store(grad_locations, 2 * first, interleave(weight * width * by_x, weight * height * by_y))
            for row in range(height):
                place = (row + MARGIN) * stride + MARGIN
                for x in range(width):
                    channel = (((first_row + row) * width + x) * heads + head) * channels
                    store(grad_value, channel, load(maps, (place + x) * both + channels, channels))

    return backward
