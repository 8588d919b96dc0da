"""Deformable inter-task self-attention (arXiv 2508.04422), factorised by source task."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedmtl.config import AttentionConfig
from fedmtl.models.attention.block import InterTaskAttention, QueryResults, Source
from fedmtl.models.attention.gating import Choice, choose_sources
from fedmtl.models.attention.grouped import grouped_linear
from fedmtl.models.attention.sampling import deformable_sample


class Affine(NamedTuple):
    """x → weight·x + bias for each of T sources: weight (T, O, C), bias (T, O)."""

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, linears: Iterable[nn.Linear]) -> Affine:
        """Those of one linear map a source."""
        pairs = [(linear.weight, linear.bias) for linear in linears]
        weights, biases = zip(*pairs, strict=True)
        return cls(torch.stack(weights), torch.stack(biases))


class DeformableSource(Source):
    """A source task's embedding, and where in its map a query looks: M·P offsets and attention logits.

    Offsets are in pixels, x before y. They start, whatever the query, on a ring around it: head m looks in
    direction 2πm/M, at distances of 1 … P (Zhu et al. 2021). Logits start at zero. Where queries choose among
    sources, it has a gate: one more logit, of all its points together.
    """

    def __init__(self, task: str, config: AttentionConfig) -> None:
        super().__init__(task, config)
        points = config.heads * config.points
        self.offsets = nn.Linear(config.channels, points * 2)
        self.logits = nn.Linear(config.channels, points)
        self.gate = nn.Linear(config.channels, 1) if config.top_k else None
        angles = 2 * math.pi * torch.arange(config.heads) / config.heads
        directions = torch.stack((angles.cos(), angles.sin()), dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, config.points + 1)[None, :, None]
        for parameter in [p for child in self.children() for p in child.parameters()]:
            nn.init.zeros_(parameter)
        with torch.no_grad():
            self.offsets.bias.copy_((directions[:, None] * steps).flatten())


class DeformableAttention(InterTaskAttention):
    """Each query samples P points a head in a source's map, weights softmaxed over sources and points.

    One set of projections a source, never one matrix for all: any task subset builds parameters that line up by
    name. With `top_k`, a query samples only the k sources with its largest gates. A gate is added to the logits
    of its source's points: the weights are those over all sources, cut to the chosen ones and renormalised. So
    k ≥ T is the model that samples every source, weights start even, and the tasks' losses reach the gates of
    what was chosen; noise in training chooses every source at times, and the balance loss reaches every gate.
    """

    source = DeformableSource
    backend: str = "auto"  # of `deformable_sample`

    def __init__(self, config: AttentionConfig, tasks: Sequence[str], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self.value = nn.Linear(config.channels, config.channels)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> QueryResults:
        """See `InterTaskAttention.attend`. A query alone decides where it looks; keys are not used."""
        heads, points = self.config.heads, self.config.points
        batch, tasks, height, width, _ = queries.shape
        x = queries.flatten(0, 3)  # (N, C)
        offset_map, logit_map = self._offset_map(height, width), self._logit_map()
        choice = self._choose(x)
        if choice is None:
            offsets, logits = (self._of_all(each, x) for each in (offset_map, logit_map))
        else:
            offsets, logits = self._of_chosen((offset_map, logit_map), x, choice.sources)

        # Half precision would lose pixels.
        weights = logits.float().softmax(dim=-1)
        looks = weights.shape[-1]  # K·P
        centres = pixel_centres(height, width, x.device).repeat(batch * tasks, looks)
        locations = centres[:, None] + offsets.float()
        gathered = deformable_sample(
            self.value(values).view(*values.shape[:-1], heads, -1),
            locations.view(batch, -1, heads, looks // points, points, 2),
            weights.view(batch, -1, heads, looks // points, points),
            None if choice is None else choice.sources.view(batch, -1, looks // points),
            self.backend,
        )
        balance = x.new_zeros(()) if choice is None else self.config.balance_weight * choice.balance
        return QueryResults(gathered.view(queries.shape), balance)

    def _offset_map(self, height: int, width: int) -> Affine:
        """From a query to its offsets, as shares of the map's width and height."""
        weight, bias = Affine.of(source.offsets for source in self._sources())
        sizes = bias.new_tensor((width, height)).repeat(bias.shape[1] // 2)
        return Affine(weight / sizes[:, None], bias / sizes)

    def _logit_map(self) -> Affine:
        """From a query to its points' logits, a gate's added to its source's."""
        logits = Affine.of(source.logits for source in self._sources())
        if not self.config.top_k:
            return logits
        gates = Affine.of(self._gates())
        return Affine(logits.weight + gates.weight, logits.bias + gates.bias)

    def _choose(self, x: Tensor) -> Choice | None:
        """The sources of each query; None: all of them."""
        if not 0 < self.config.top_k < len(self.tasks):
            return None
        gates = Affine.of(self._gates())
        logits = F.linear(x, gates.weight.flatten(0, 1), gates.bias.flatten())
        return choose_sources(logits.float(), self.config.top_k, noisy=self.training)

    def _of_all(self, affine: Affine, x: Tensor) -> Tensor:
        """`affine` of every source, (N, M, T·O/M), from one product that writes it as the core reads it."""
        tasks, heads = len(self.tasks), self.config.heads
        weight = affine.weight.view(tasks, heads, -1, x.shape[1]).transpose(0, 1).flatten(0, 2)
        bias = affine.bias.view(tasks, heads, -1).transpose(0, 1).flatten()
        return F.linear(x, weight, bias).view(x.shape[0], heads, -1)

    def _of_chosen(self, affines: Sequence[Affine], x: Tensor, sources: Tensor) -> list[Tensor]:
        """Each affine of the chosen sources (N, K) only, (N, M, K·O/M)."""
        weight = torch.cat([affine.weight for affine in affines], dim=1)
        bias = torch.cat([affine.bias for affine in affines], dim=1)
        parts = torch.split(
            grouped_linear(x, sources, weight, bias), [affine.bias.shape[1] for affine in affines], dim=-1
        )
        return [p.reshape(*sources.shape, self.config.heads, -1).transpose(1, 2).flatten(2) for p in parts]

    def _sources(self) -> list[DeformableSource]:
        return [cast(DeformableSource, self.sources[task]) for task in self.tasks]

    def _gates(self) -> list[nn.Linear]:
        return [source.gate for source in self._sources() if source.gate is not None]


def pixel_centres(height: int, width: int, device: torch.device) -> Tensor:
    """(height·width, 2): the (x, y) in [0, 1] of every pixel, row by row."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack((x.repeat(height), y.repeat_interleave(width)), dim=-1)
