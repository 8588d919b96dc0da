"""Deformable sampling on a GPU, in Triton. Imported when it first runs: not every machine has Triton.

A program owns a block of queries of one image and head. It walks their samples, each in turn for all of them, over
all channels at once. In the backward pass it owns their locations and weights too; many samples meet in one pixel
of the value, whose gradient is therefore added up atomically, in whatever order. Under
`torch.use_deterministic_algorithms` samples are sorted by the cell they lie in instead, and a program owns a pixel:
it gathers from the four cells around it.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 512
"""Queries × channels of a program: one vector load a thread for each corner, and registers to spare."""
MOST_QUERIES = 64
GATHERED = 16
"""Samples that a pixel's program adds at once."""
OUTSIDE = tl.constexpr(2**63 - 1)
"""The cell of samples that touch no pixel: last when sorted."""


def forward(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
    """See `Kernels.forward`. The result is in the dtype of `weights`."""
    batch, queries, heads = weights.shape[:3]
    out = weights.new_empty(batch, queries, heads * value.shape[-1])
    if out.numel():
        with torch.cuda.device_of(value):  # type: ignore[no-untyped-call]
            block_q, block_d = _blocks(queries, value.shape[-1])
            _forward[(batch * heads * triton.cdiv(queries, block_q),)](
                out, value, locations, weights, sources, *_sizes(value, weights), block_q, block_d
            )
    return out


def backward(
    grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """See `Kernels.backward`. All three are in the dtype of `weights`."""
    batch, queries, heads = weights.shape[:3]
    deterministic = torch.are_deterministic_algorithms_enabled()
    by_value = torch.zeros_like(value, dtype=weights.dtype)
    by_locations, by_weights = torch.empty_like(locations), torch.empty_like(weights)
    cells = torch.empty_like(weights, dtype=torch.int64) if deterministic else None
    if weights.numel() and value.numel():
        with torch.cuda.device_of(value):  # type: ignore[no-untyped-call]
            block_q, block_d = _blocks(queries, value.shape[-1])
            _backward[(batch * heads * triton.cdiv(queries, block_q),)](
                by_value,
                by_locations,
                by_weights,
                cells,
                grad,
                value,
                locations,
                weights,
                sources,
                *_sizes(value, weights),
                block_q,
                block_d,
            )
            if cells is not None:
                _gather_by_pixel(by_value, grad, locations, weights, cells)
    return by_value, by_locations, by_weights


def _gather_by_pixel(
    by_value: Tensor, grad: Tensor, locations: Tensor, weights: Tensor, cells: Tensor
) -> None:
    batch, tasks, height, width, heads, channels = by_value.shape
    ordered, samples = cells.flatten().sort(stable=True)
    count = batch * heads * tasks * (height + 1) * (width + 1)
    starts = torch.searchsorted(ordered, torch.arange(count + 1, device=cells.device))
    _gather[(by_value.numel() // channels,)](
        by_value,
        grad,
        locations,
        weights,
        samples,
        starts,
        *_sizes(by_value, weights),
        GATHERED,
        triton.next_power_of_2(channels),
    )


def _blocks(queries: int, channels: int) -> tuple[int, int]:
    block_d = triton.next_power_of_2(channels)
    block_q = max(1, min(TILE // block_d, MOST_QUERIES, triton.next_power_of_2(queries)))
    return block_q, block_d


def _sizes(value: Tensor, weights: Tensor) -> tuple[int, ...]:
    """(Q, T, H, W, M, K, P, D), as every kernel takes them."""
    _, tasks, height, width, heads, channels = value.shape
    return weights.shape[1], tasks, height, width, heads, *weights.shape[3:], channels


@triton.jit  # type: ignore[untyped-decorator]
def _forward(
    out: tl.tensor,
    value: tl.tensor,
    locations: tl.tensor,
    weights: tl.tensor,
    sources: tl.tensor,
    queries: tl.tensor,
    tasks: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    heads: tl.tensor,
    slots: tl.tensor,
    points: tl.tensor,
    channels: tl.tensor,
    block_q: tl.constexpr,
    block_d: tl.constexpr,
) -> None:
    batch, head, row, real = _own(queries, heads, block_q)
    channel = tl.arange(0, block_d)[None, :]
    first = row * heads + head
    total = tl.full((block_q, block_d), 0, weights.dtype.element_ty)
    for i in range(slots * points):
        sample = first * slots * points + i
        weight = tl.load(weights + sample, real, 0.0)
        x, y, inside = _locate(locations, sample, real, height, width)
        task, inside = _source(sources, row * slots, i // points, tasks, inside)
        for corner in tl.static_range(4):
            at, near_x, near_y, here = _corner(
                x, y, inside, corner, batch * tasks + task, head, height, width, heads
            )
            pixels = tl.load(
                value + at[:, None] * channels + channel, here[:, None] & (channel < channels), 0.0
            )
            total += (weight * near_x * near_y)[:, None] * pixels.to(total.dtype)
    tl.store(out + first[:, None] * channels + channel, total, real[:, None] & (channel < channels))


@triton.jit  # type: ignore[untyped-decorator]
def _backward(
    by_value: tl.tensor,
    by_locations: tl.tensor,
    by_weights: tl.tensor,
    cells: tl.tensor,
    grad: tl.tensor,
    value: tl.tensor,
    locations: tl.tensor,
    weights: tl.tensor,
    sources: tl.tensor,
    queries: tl.tensor,
    tasks: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    heads: tl.tensor,
    slots: tl.tensor,
    points: tl.tensor,
    channels: tl.tensor,
    block_q: tl.constexpr,
    block_d: tl.constexpr,
) -> None:
    batch, head, row, real = _own(queries, heads, block_q)
    channel = tl.arange(0, block_d)[None, :]
    first = row * heads + head
    g = tl.load(grad + first[:, None] * channels + channel, real[:, None] & (channel < channels), 0.0)
    g = g.to(weights.dtype.element_ty)
    for i in range(slots * points):
        sample = first * slots * points + i
        weight = tl.load(weights + sample, real, 0.0)
        x, y, inside = _locate(locations, sample, real, height, width)
        task, inside = _source(sources, row * slots, i // points, tasks, inside)
        by_weight = tl.full((block_q,), 0, g.dtype)
        by_x, by_y = by_weight, by_weight
        for corner in tl.static_range(4):
            at, near_x, near_y, here = _corner(
                x, y, inside, corner, batch * tasks + task, head, height, width, heads
            )
            offsets = at[:, None] * channels + channel
            mask = here[:, None] & (channel < channels)
            product = tl.sum(tl.load(value + offsets, mask, 0.0).to(g.dtype) * g, axis=1)
            by_weight += near_x * near_y * product
            by_x += (corner % 2 * 2 - 1) * near_y * product
            by_y += (corner // 2 * 2 - 1) * near_x * product
            if cells is None:
                area = (weight * near_x * near_y)[:, None]
                tl.atomic_add(by_value + offsets, area * g, mask, sem="relaxed")
        tl.store(by_weights + sample, by_weight, real)
        tl.store(by_locations + 2 * sample, weight * by_x * width, real)
        tl.store(by_locations + 2 * sample + 1, weight * by_y * height, real)
        if cells is not None:
            column = tl.floor(x).to(tl.int64) + 1
            line = tl.floor(y).to(tl.int64) + 1
            map_ = (batch * heads + head) * tasks + task
            cell = (map_ * (height + 1) + line) * (width + 1) + column
            tl.store(cells + sample, tl.where(inside, cell, OUTSIDE), real)


@triton.jit  # type: ignore[untyped-decorator]
def _gather(
    by_value: tl.tensor,
    grad: tl.tensor,
    locations: tl.tensor,
    weights: tl.tensor,
    samples: tl.tensor,
    starts: tl.tensor,
    queries: tl.tensor,
    tasks: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    heads: tl.tensor,
    slots: tl.tensor,
    points: tl.tensor,
    channels: tl.tensor,
    block_n: tl.constexpr,
    block_d: tl.constexpr,
) -> None:
    own = tl.program_id(0).to(tl.int64)  # of (B, T, H, W, M)
    head = own % heads
    column = own // heads % width
    line = own // heads // width % height
    map_ = own // heads // width // height
    cells = ((map_ // tasks * heads + head) * tasks + map_ % tasks) * (height + 1)
    channel = tl.arange(0, block_d)[None, :]
    total = tl.full((block_n, block_d), 0, weights.dtype.element_ty)
    for below in tl.static_range(2):
        # The cells to the left and the right of the pixel are neighbours in the order, too.
        cell = (cells + line + below) * (width + 1) + column
        last = tl.load(starts + cell + 2)
        for start in range(tl.load(starts + cell), last, block_n):
            i = start + tl.arange(0, block_n)
            real = i < last
            sample = tl.load(samples + i, real, 0)
            weight = tl.load(weights + sample, real, 0.0)
            x, y, real = _locate(locations, sample, real, height, width)
            area = tl.maximum(1 - tl.abs(x - column), 0) * tl.maximum(1 - tl.abs(y - line), 0)
            first = sample // (slots * points)
            g = tl.load(grad + first[:, None] * channels + channel, real[:, None] & (channel < channels), 0.0)
            total += (weight * area)[:, None] * g.to(total.dtype)
    channel = tl.arange(0, block_d)
    tl.store(by_value + own * channels + channel, tl.sum(total, axis=0), channel < channels)


@triton.jit  # type: ignore[untyped-decorator]
def _own(queries: tl.tensor, heads: tl.tensor, block_q: tl.constexpr) -> tuple[tl.tensor, ...]:
    """The image and head that this program owns, its rows of (B, Q), int64, and a mask of those that exist."""
    program = tl.program_id(0).to(tl.int64)
    blocks = (queries + block_q - 1) // block_q
    batch = program // blocks // heads
    query = program % blocks * block_q + tl.arange(0, block_q)
    return batch, program // blocks % heads, batch * queries + query, query < queries


@triton.jit  # type: ignore[untyped-decorator]
def _locate(
    locations: tl.tensor, sample: tl.tensor, real: tl.tensor, height: tl.tensor, width: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Where samples lie: x and y in pixels, 0 for those that do not touch the map; a mask of those that do."""
    x = tl.load(locations + 2 * sample, real, 0.0) * width - 0.5
    y = tl.load(locations + 2 * sample + 1, real, 0.0) * height - 0.5
    inside = real & (x > -1) & (x < width) & (y > -1) & (y < height)
    return tl.where(inside, x, 0.0), tl.where(inside, y, 0.0), inside


@triton.jit  # type: ignore[untyped-decorator]
def _source(
    sources: tl.tensor, row: tl.tensor, slot: tl.tensor, tasks: tl.tensor, inside: tl.tensor
) -> tuple[tl.tensor, ...]:
    """The slot's source task, and `inside` without those whose source is no task: they would read astray."""
    task = slot if sources is None else tl.load(sources + row + slot, inside, 0)
    return task, inside & (task >= 0) & (task < tasks)


@triton.jit  # type: ignore[untyped-decorator]
def _corner(
    x: tl.tensor,
    y: tl.tensor,
    inside: tl.tensor,
    corner: tl.constexpr,
    map_: tl.tensor,
    head: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    heads: tl.tensor,
) -> tuple[tl.tensor, ...]:
    """Of the four pixels around (x, y), one: its index in (B, T, H, W, M), 1 − distance in x and y, a mask."""
    left, top = tl.floor(x), tl.floor(y)
    column, line = left.to(tl.int32) + corner % 2, top.to(tl.int32) + corner // 2
    near_x = x - left if corner % 2 else 1 - (x - left)
    near_y = y - top if corner // 2 else 1 - (y - top)
    here = inside & (column >= 0) & (column < width) & (line >= 0) & (line < height)
    return ((map_ * height + line) * width + column) * heads + head, near_x, near_y, here
