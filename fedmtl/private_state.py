"""What a client keeps to itself, and how a snapshot holds it: a flat vector a group, as groups travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from fedmtl.errors import RunError
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.snapshots import Snapshots

OPTIMIZER = "optimizer:"
RESIDUAL = "residual:"
"""Precede the names of the optimiser's tensors, and of groups; no group is named like that."""
WAY_OUT = "go on with the tasks and the config that it was kept with, or start a new run"


@dataclass(frozen=True)
class PrivateState:
    """Private groups, the client's own copies of personal ones, and the optimisers' state where it is kept.

    Attributes:
        optimizer: `<phase of the round>/<parameter>/<what>` → its value.
        residuals: group that is sent → what a lossy codec left out of its updates.
    """

    groups: Mapping[str, Vector]
    optimizer: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    residuals: Mapping[str, Vector] = field(default_factory=dict)


def write_private(
    snapshots: Snapshots, round_number: int, run: str, layouts: Mapping[str, Layout], state: PrivateState
) -> None:
    """Keep the state after a round.

    Args:
        run: the run's identity.
        layouts: those of the state's groups, and of those that it has residuals of.

    Raises:
        RunError: it cannot be written.
    """
    tensors = dict(state.groups) | {OPTIMIZER + name: tensor for name, tensor in state.optimizer.items()}
    tensors |= {RESIDUAL + group: vector for group, vector in state.residuals.items()}
    digests = {group: layouts[group].digest for group in {*state.groups, *state.residuals}}
    snapshots.write(round_number, tensors, {"run": run, "layouts": digests})


def read_private(
    snapshots: Snapshots, round_number: int, layouts: Mapping[str, Layout], run: str
) -> PrivateState:
    """The state that `write_private` kept, with those of its groups and residuals that `layouts` names.

    It may hold fewer.

    Raises:
        RunError: it was lost, is damaged, is another run's, or does not fit the layouts.
    """
    tensors, header = snapshots.read(round_number)
    if header.get("run") != run:
        raise RunError(f"{snapshots.folder} belongs to run '{header.get('run')}', not to '{run}'")
    held = [group for group in layouts if group in tensors]
    left = [group for group in layouts if RESIDUAL + group in tensors]
    for group in {*held, *left}:
        if header["layouts"].get(group) != layouts[group].digest:
            raise RunError(
                f"{snapshots.path(round_number)} does not fit group '{group}' of the model; {WAY_OUT}"
            )
    optimizer = {n.removeprefix(OPTIMIZER): t for n, t in tensors.items() if n.startswith(OPTIMIZER)}
    residuals = {group: tensors[RESIDUAL + group] for group in left}
    return PrivateState({group: tensors[group] for group in held}, optimizer, residuals)
