"""Which group a parameter belongs to, and what one client does with a group.

A component declares the group of what lies below it by being `Grouped`; the nearest declaration wins. A group
is named by its family, its task and its source: `backbone`, `head/depth`, `router/depth/semseg`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum
from itertools import chain
from typing import NamedTuple

from torch import nn

from fedmtl.errors import ModelError

CONSTANT = "constant"
"""Buffers that every client computes by itself; they never travel."""
NEUTRAL = frozenset({"client_adapter"})
"""Families that change nothing until they are trained: a model whose client has none is whole."""


class Grouped(nn.Module):
    """A module whose parameters, and those of the modules below it, belong to `group`."""

    group: str

    def group_of(self, owner: nn.Module, name: str) -> str:
        """The group of `name`, a parameter or buffer that `owner` holds: this module or one below it."""
        return CONSTANT if name in owner._buffers else self.group


class Role(Enum):
    """What a client does with a group: train it, read it (receive it, frozen), or neither."""

    train = "train"
    read = "read"
    none = "none"


class GroupName(NamedTuple):
    """A group's name, taken apart.

    Attributes:
        family: `backbone`, `head`, `router`, …
        task: the task that owns the group; None in the shared trunk.
        source: the other task of a pair.
        channels: the input channels of a `stem`.
    """

    family: str
    task: str | None = None
    source: str | None = None
    channels: int | None = None


def parse_group(group: str) -> GroupName:
    """Take a group's name apart.

    >>> parse_group("router/depth/semseg")
    GroupName(family='router', task='depth', source='semseg', channels=None)

    Raises:
        ModelError: it is not the name of a group.
    """
    match group.split("/"):
        case ["stem", channels] if channels.isdecimal():
            return GroupName("stem", channels=int(channels))
        case [family] if family:
            return GroupName(family)
        case [family, task] if family and task:
            return GroupName(family, task)
        case [family, task, source] if family and task and source:
            return GroupName(family, task, source)
    raise ModelError(f"'{group}' is not a group: one is named family, family/task or family/task/source")


def weighted_by(group: str) -> str | None:
    """The task whose labelled images weight this group in a sum; None: all images that trained it.

    Attention to a source is trained by every task's loss, so all images count for it.
    """
    name = parse_group(group)
    return None if name.family == "attention" else name.task


def role(
    group: str,
    own: Collection[str],
    tasks: Collection[str],
    dense: Collection[str],
) -> Role:
    """What a client does with one group of its model.

    Args:
        group: a group of its model, whose stem has the client's input channels.
        own: the tasks that the client labels.
        tasks: the tasks that it computes, `own` among them.
        dense: the dense tasks, which a conditioned decoder decodes; others than `own` do not matter.
    """
    name = parse_group(group)
    match name.family:
        case "constant":
            return Role.none
        case "adapter":
            return _holds(name.task in own, reads=name.task in tasks)
        case "decoder":
            return _holds(any(task in dense for task in own))
        case "attention":
            return _holds(name.task is None or name.task in tasks)
        case "cross_adapter":
            return _holds(name.task in own and name.source in tasks)
        case "router":
            return _holds(name.task in own and name.source in tasks and len(tasks) > 1)
        case _:
            return _holds(name.task is None or name.task in own)


def _holds(trains: bool, reads: bool = False) -> Role:
    if trains:
        return Role.train
    return Role.read if reads else Role.none


def group_map(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Group → the names of its parameters and buffers, in state-dict order; each belongs to exactly one.

    Raises:
        ModelError: a parameter or buffer lies below no `Grouped` module.
    """
    groups: dict[str, list[str]] = {}
    for group, name in _walk(model, "", None):
        groups.setdefault(group, []).append(name)
    return {group: tuple(groups[group]) for group in sorted(groups)}


def _walk(module: nn.Module, prefix: str, declared: Grouped | None) -> Iterator[tuple[str, str]]:
    if isinstance(module, Grouped):
        declared = module
    for name, _ in chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
        if declared is None:
            raise ModelError(f"'{prefix}{name}' belongs to no group: derive its component from Grouped")
        yield declared.group_of(module, name), prefix + name
    for name, child in module.named_children():
        yield from _walk(child, f"{prefix}{name}.", declared)
