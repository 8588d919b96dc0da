"""What every inter-task attention shares: a pre-norm transformer block over the maps of all tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fedmtl.config import AttentionConfig
from fedmtl.models.attention.position import sine_position
from fedmtl.models.groups import Grouped
from fedmtl.models.named import TaskDict
from fedmtl.seeding import torch_seed

FFN_RATIO = 2


class Attended(NamedTuple):
    """Task → its map, (B, C, H, W); and the weighted loss of the attention's gates, a scalar."""

    maps: dict[str, Tensor]
    auxiliary: Tensor


class QueryResults(NamedTuple):
    """What each query gathered, (B, T', H, W, C); and the weighted loss of the gates, a scalar."""

    values: Tensor
    auxiliary: Tensor


class Source(Grouped):
    """What the attention knows of one task: its embedding. Kinds may add to it."""

    def __init__(self, task: str, config: AttentionConfig) -> None:
        super().__init__()
        self.group = f"attention/{task}"
        self.embedding = nn.Parameter(torch.randn(config.channels) * 0.02)


class InterTaskAttention(Grouped, ABC):
    """Norm, attention, residual; norm, feed-forward, residual. Both residual branches start at zero.

    At first the block is therefore the identity. Gradients reach each branch's last projection at once, and
    what lies before it from the second step on.

    Args:
        config: its sizes.
        tasks: the tasks that can be attended to, in order.
        seed: initial weights are keyed by it and by their component's name.
    """

    group = "attention"
    source: type[Source] = Source

    def __init__(self, config: AttentionConfig, tasks: Sequence[str], seed: int) -> None:
        super().__init__()
        channels = config.channels
        self.config = config
        self.tasks = tuple(tasks)
        self.norm = nn.LayerNorm(channels)
        self.out = nn.Linear(channels, channels)
        self.ffn_norm = nn.LayerNorm(channels)
        self.ffn = nn.Sequential(
            nn.Linear(channels, FFN_RATIO * channels), nn.GELU(), nn.Linear(FFN_RATIO * channels, channels)
        )
        for last in (self.out, self.ffn[-1]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
        self.sources = TaskDict({task: self._source(task, seed) for task in tasks})

    def _source(self, task: str, seed: int) -> Source:
        with torch_seed(seed, "attention", task):
            return self.source(task, self.config)

    def forward(self, maps: Mapping[str, Tensor], queries: Sequence[str]) -> Attended:
        """The maps of `queries` after they have attended to all of `maps`, each (B, C, H, W)."""
        tokens = torch.stack([maps[task].permute(0, 2, 3, 1) for task in self.tasks], dim=1)
        _, _, height, width, channels = tokens.shape
        position = sine_position(height, width, channels, tokens.device)
        embeddings = torch.stack([self.sources[task].embedding for task in self.tasks])
        asked = [self.tasks.index(task) for task in queries]
        everything = asked == list(range(len(self.tasks)))

        values = self.norm(tokens) + embeddings[:, None, None]
        keys = values + position
        x, asking = (tokens, keys) if everything else (tokens[:, asked], keys[:, asked])
        gathered = self.attend(asking, keys, values)
        x = x + self.out(gathered.values)
        x = x + self.ffn(self.ffn_norm(x))
        answers = {task: x[:, i].permute(0, 3, 1, 2) for i, task in enumerate(queries)}
        return Attended(answers, gathered.auxiliary)

    @abstractmethod
    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> QueryResults:
        """What each query gathers.

        Args:
            queries: (B, T', H, W, C), with task embedding and position.
            keys: (B, T, H, W, C), with task embedding and position.
            values: (B, T, H, W, C), with task embedding, which tells what came from where.
        """
