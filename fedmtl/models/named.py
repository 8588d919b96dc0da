"""Modules under task names, so that a parameter's name says whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

from torch import nn

from fedmtl.errors import ModelError

M = TypeVar("M", bound=nn.Module)

_TASK = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")


def module_key(task: str) -> str:
    """The module name of `task`: its own name, or that and `-` where PyTorch has taken it (`type`, `half`).

    No task's name ends in `-`, so two tasks never share a key.

    Raises:
        ModelError: the name has characters that neither a module nor a group can carry.
    """
    if not _TASK.fullmatch(task):
        raise ModelError(
            f"task '{task}' cannot name a part of a model: use letters and digits, and - and _ between them"
        )
    return f"{task}-" if hasattr(nn.Module, task) or task == "training" else task


class TaskDict(nn.Module, Generic[M]):
    """Modules under task names, ordered by task."""

    def __init__(self, modules: Mapping[str, M]) -> None:
        super().__init__()
        for task in sorted(modules):
            self.add_module(module_key(task), modules[task])
        self._tasks = tuple(sorted(modules))

    def __getitem__(self, task: str) -> M:
        return cast(M, self._modules[module_key(task)])

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)
