"""A client's private state: what never leaves it, kept by round so that it can go back.

A client that died between saving and replying has a newer state than the server knows of. Every instruction
names the round that the server last accepted; the client continues from that one and forgets what came later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from fedmtl.checkpoints import from_tensors, to_tensors
from fedmtl.errors import RunError
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Instruction
from fedmtl.snapshots import Snapshots

OPTIMIZER = "optimizer"
"""Stands for a group's name before the optimiser's tensors."""


@dataclass(frozen=True)
class PrivateState:
    """Private groups, and the optimiser's state where it is kept."""

    groups: Mapping[str, Vector]
    optimizer: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def load_state(
    snapshots: Snapshots, instruction: Instruction, layouts: Mapping[str, Layout], initial: PrivateState
) -> PrivateState:
    """The state at the instruction's accepted round; `initial` where none was accepted yet.

    Raises:
        RunError: it was lost, is damaged, or is another run's. It is never replaced by a fresh one in silence.
    """
    if instruction.accepted == 0:
        return initial
    tensors, header = snapshots.read(instruction.accepted)
    run = instruction.federation.run
    if header.get("run") != run:
        raise RunError(f"{snapshots.folder} belongs to run '{header.get('run')}', not to '{run}'")
    prefix = f"{OPTIMIZER}:"
    optimizer = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    return PrivateState(from_tensors(tensors, layouts), optimizer)


def save_state(
    snapshots: Snapshots, instruction: Instruction, layouts: Mapping[str, Layout], state: PrivateState
) -> None:
    """Keep the state after the instruction's round, and those that the server may go back to.

    Raises:
        RunError: it cannot be written.
    """
    tensors = to_tensors(state.groups, layouts)
    tensors |= {f"{OPTIMIZER}:{name}": tensor for name, tensor in state.optimizer.items()}
    snapshots.write(instruction.round, tensors, {"run": instruction.federation.run})
    snapshots.keep({instruction.durable, instruction.accepted, instruction.round})
