"""A network's parameters and buffers, group by group, as the flat vectors that travel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from fedmtl.exchange.layout import Entry, Layout, Vector
from fedmtl.models.groups import group_map


class GroupVectors:
    """Reads and writes whole groups of a network.

    Args:
        network: its tensors are looked up once; they may move between devices, but not be replaced.
    """

    def __init__(self, network: nn.Module) -> None:
        tensors: dict[str, Tensor] = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        groups = group_map(network)
        self._tensors = {group: [tensors[name] for name in names] for group, names in groups.items()}
        self.layouts: Mapping[str, Layout] = {
            group: Layout(tuple(_entry(name, tensors[name]) for name in names))
            for group, names in groups.items()
        }

    def tensors(self, group: str) -> list[Tensor]:
        """The group's own tensors, in the order of its layout."""
        return self._tensors[group]

    def views(self, group: str, vector: Vector) -> list[Tensor]:
        """A vector of the group as tensors like the group's own, on their device; on the CPU they share memory.

        Args:
            vector: writable, as torch demands.
        """
        tensors = self._tensors[group]
        if not tensors:
            return []
        flat = torch.from_numpy(vector).to(tensors[0].device)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    @torch.no_grad()
    def read(self, group: str) -> Vector:
        """The group's values, copied."""
        tensors = self._tensors[group]
        if not tensors:
            return np.empty(0, np.float32)
        return torch.cat([tensor.reshape(-1).to(torch.float32) for tensor in tensors]).cpu().numpy()

    @torch.no_grad()
    def write(self, group: str, vector: Vector) -> None:
        """Set the group's values from a writable vector."""
        for tensor, value in zip(self._tensors[group], self.views(group, vector), strict=True):
            # Counters are integers; float32 holds them exactly, up to rounding, as in `Layout.split`.
            tensor.copy_(value if tensor.is_floating_point() else value.round())


def _entry(name: str, tensor: Tensor) -> Entry:
    return Entry(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
