"""The multi-task network: backbone → CT-MoA → neck → inter-task attention → heads."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from fedmtl.config import HeadKind, ModelConfig
from fedmtl.errors import ModelError
from fedmtl.models.attention import build_attention
from fedmtl.models.backbone import Backbone
from fedmtl.models.decoder import ConditionedDecoder, ConditionedHead
from fedmtl.models.groups import Role, group_map, role
from fedmtl.models.heads import DenseHead, ImageHead
from fedmtl.models.mixture import MixtureOfAdapters
from fedmtl.models.named import TaskDict
from fedmtl.models.neck import Neck
from fedmtl.seeding import torch_seed
from fedmtl.tasks.base import Task


class Output(NamedTuple):
    """What the network says of a batch.

    Attributes:
        predictions: task → (B, channels, H, W) for dense tasks, (B, channels) for image-level ones; float32.
        auxiliary: the weighted losses of routers, of client adapters and of attention's gates, a scalar to add to
            the tasks'.
    """

    predictions: dict[str, Tensor]
    auxiliary: Tensor


class MultiTaskNetwork(nn.Module):
    """One client's model.

    Two clients' parameters of one name have one shape and, at first, one value, whatever their tasks: tasks
    are ordered by name, and initial weights keyed by (seed, component). Building it leaves torch's global
    generators alone.

    Args:
        config: the parts and their sizes.
        tasks: every task that it computes: the client's own, and those it reads for context.
        own: the names of those that this client labels.
        channels: input channels.
        image_size: (height, width); backbones with positional parameters take no other.
        seed: of the initial weights.

    Attributes:
        tasks: names of all tasks, sorted.
        own: names of those that are trained, sorted.
        dense: names of those that are dense, sorted.
        decoder: what the dense tasks share where their heads are conditioned; else None.
        heads: own task → its head.

    Raises:
        ModelError: `own` are not among `tasks`, or a part cannot be built.
    """

    def __init__(
        self,
        config: ModelConfig,
        tasks: Sequence[Task],
        own: Collection[str],
        *,
        channels: int = 3,
        image_size: tuple[int, int],
        seed: int,
    ) -> None:
        super().__init__()
        kinds = {task.name: task for task in tasks}
        self.tasks = tuple(sorted(kinds))
        self.own = tuple(sorted(set(own)))
        if unknown := sorted(set(own) - set(kinds)):
            raise ModelError(f"the model does not compute '{unknown[0]}'; its tasks: {', '.join(self.tasks)}")
        width = config.attention.channels
        self.stride = config.attention.stride

        with torch_seed(seed, "backbone"):
            self.backbone = Backbone(config.backbone, channels, image_size)
        pyramid = self.backbone.channels
        self.mixture = MixtureOfAdapters(config.adapter, pyramid, self.tasks, self.own, seed)
        with torch_seed(seed, "neck"):
            self.neck = Neck(pyramid, width)
        with torch_seed(seed, "attention"):
            self.attention = build_attention(config.attention, self.tasks, seed)

        self.dense = tuple(name for name in self.tasks if kinds[name].dense)
        self.decoder: ConditionedDecoder | None = None
        if config.head is HeadKind.conditioned and not set(own).isdisjoint(self.dense):
            with torch_seed(seed, "decoder"):
                self.decoder = ConditionedDecoder(width, pyramid[0])

        def head(task: Task) -> DenseHead | ConditionedHead | ImageHead:
            with torch_seed(seed, "heads", task.name):
                if not task.dense:
                    return ImageHead(task.name, width, task.channels)
                if self.decoder is not None:
                    return ConditionedHead(task.name, self.decoder.hidden, task.channels)
                return DenseHead(task.name, width, pyramid[0], task.channels)

        self.heads = TaskDict({task: head(kinds[task]) for task in self.own})

        for group, names in group_map(self).items():
            if self.role(group) is Role.read:
                for name in names:
                    self.get_parameter(name).requires_grad_(False)

    def role(self, group: str) -> Role:
        """What its client does with a group of it; see `groups.role`."""
        return role(group, self.own, self.tasks, self.dense)

    def forward(self, image: Tensor, tasks: Sequence[str] | None = None) -> Output:
        """Predict `tasks` (default: the client's own) for images (B, channels, H, W), float in [0, 1].

        Raises:
            ModelError: there is no head for a task.
        """
        asked = self.own if tasks is None else tuple(tasks)
        for task in asked:
            if task not in self.heads:
                raise ModelError(f"the model has no head for '{task}'; it has: {', '.join(self.heads)}")
        size = (image.shape[2], image.shape[3])
        padded = self.backbone.padded(size)
        attended_size = (math.ceil(padded[0] / self.stride), math.ceil(padded[1] / self.stride))

        # Backbones differ in scale by orders of magnitude; what follows should not have to learn it.
        levels = [nn.functional.group_norm(level, 1) for level in self.backbone(image)]
        # With attention every task is a source, asked for or not.
        mixed = self.mixture(levels, asked if self.attention is None else self.tasks)
        maps = {task: self.neck(pyramid, attended_size) for task, pyramid in mixed.levels.items()}
        auxiliary = mixed.auxiliary
        if self.attention is not None:
            maps, balance = self.attention(maps, asked)
            auxiliary = auxiliary + balance

        predictions = {}
        for task in asked:
            head = self.heads[task]
            if isinstance(head, ImageHead):
                predicted = head(maps[task])
            else:
                maps_and_size = maps[task], mixed.levels[task][0], padded
                conditioned = isinstance(head, ConditionedHead)
                full = head(self.decoder, *maps_and_size) if conditioned else head(*maps_and_size)
                predicted = full[:, :, : size[0], : size[1]]
            predictions[task] = predicted.float()
        return Output(predictions, auxiliary)
