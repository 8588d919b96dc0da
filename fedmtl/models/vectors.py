"""A network's parameters and buffers, group by group, as the flat vectors that travel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fedmtl.exchange.layout import Entry, Layout, Vector
from fedmtl.models.groups import group_map


class GroupVectors:
    """Reads and writes whole groups of a network, in one pass over their memory.

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
        self._places = {
            group: [place for _, place in layout.slices()] for group, layout in self.layouts.items()
        }

    def tensors(self, group: str) -> list[Tensor]:
        """The group's own tensors, in the order of its layout."""
        return self._tensors[group]

    def views(self, group: str, vector: Vector) -> list[Tensor]:
        """A vector of the group as tensors like the group's own, on their device.

        On the CPU they share the memory of a writable vector; torch has no tensors that are read-only.
        """
        tensors = self._tensors[group]
        if not tensors:
            return []
        flat = torch.from_numpy(np.require(vector, requirements="W")).to(tensors[0].device)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def read(self, group: str) -> Vector:
        """The group's values, copied."""
        vector = np.empty(self.layouts[group].size, np.float32)
        for values, place in self._values(group):
            vector[place] = values
        return vector

    def change(self, group: str, since: Vector) -> Vector:
        """The group's values less those that it had."""
        vector = np.empty(self.layouts[group].size, np.float32)
        for values, place in self._values(group):
            np.subtract(values, since[place], out=vector[place])
        return vector

    @torch.no_grad()
    def write(self, group: str, vector: Vector) -> None:
        """Set the group's values.

        Raises:
            ValueError: the vector has another length.
        """
        if len(vector) != self.layouts[group].size:
            raise ValueError(f"'{group}' has {self.layouts[group].size} values, not {len(vector)}")
        for tensor, place in zip(self._tensors[group], self._places[group], strict=True):
            # Counters are integers; float32 holds them exactly, up to rounding, as in `Layout.split`.
            values = vector[place] if tensor.is_floating_point() else np.rint(vector[place])
            if tensor.device.type == "cpu":
                tensor.view(-1).numpy()[...] = values
            else:
                tensor.copy_(torch.from_numpy(np.require(values, requirements="W")).view_as(tensor))

    def _values(self, group: str) -> Iterator[tuple[NDArray[Any], slice]]:
        """Each tensor's values, flat, with its place; on the CPU they are its own memory."""
        for tensor, place in zip(self._tensors[group], self._places[group], strict=True):
            yield tensor.detach().cpu().view(-1).numpy(), place


def _entry(name: str, tensor: Tensor) -> Entry:
    return Entry(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
