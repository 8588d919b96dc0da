"""What a server carries from round to round, and how groups are laid out in a snapshot.

The rest of a run needs no saving: randomness is keyed by (seed, round, client), and clients keep their own
private state, of which a checkpoint holds only the round it stands at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from numpy.typing import NDArray

from fedmtl.aggregation.base import ANY_DOMAIN
from fedmtl.errors import RunError
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.snapshots import Snapshots
from fedmtl.tasks.spec import TaskSpec

METHOD = "method"
"""In a checkpoint, stands for a group's name before the method's own vectors."""
RELEASED = "released"
"""Stands before a group's name for what clients were last sent of it, where that is not the group."""
TRAINED = "trained"
"""Stands before a group's name for what clients trained from, where that is not the group."""


@dataclass
class Progress:
    """One client, and how far it is.

    Attributes:
        tasks: the names of those that it labelled in the accepted round, or describes where there is none.
        channels: of its images, likewise.
        accepted: the last round that the server accepted from it, 0 for none.
        durable: `accepted` as of the newest checkpoint.
        domain: of its images, likewise.
    """

    tasks: tuple[str, ...]
    channels: int
    accepted: int = 0
    durable: int = 0
    domain: str = ANY_DOMAIN


@dataclass
class ServerState:
    """The groups after `round`, the method's own state, and each client's progress.

    Attributes:
        released: group → the values that all clients are sent: the group itself, unless a codec is lossy.
        trained: `<client>/<group>` → what the client was sent as its own and trained last, where a codec is lossy.
        leaving: the sums that are taken, by name, where `privacy.min_holders` keeps some groups at home.
        keys: client → its public key for secure sums, in hex, as it was seen first; the other clients know it by that.
        releases: how many noisy ones the run's privacy ledger had.
        bounds: what clients' updates are clipped to, where that adapts.
        signal: sum, by name → how much of its last mean was signal; sums without noise are not in it.
    """

    round: int = 0
    groups: dict[str, Vector] = field(default_factory=dict)
    method: dict[str, Vector] = field(default_factory=dict)
    clients: dict[str, Progress] = field(default_factory=dict)
    released: dict[str, Vector] = field(default_factory=dict)
    trained: dict[str, Vector] = field(default_factory=dict)
    leaving: frozenset[str] | None = None
    releases: int = 0
    bounds: dict[str, float] = field(default_factory=dict)
    signal: dict[str, float] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


class Header(msgspec.Struct, frozen=True):
    """The plain part of a checkpoint.

    Attributes:
        tasks: the federation's task table.
        clients: every client that ever joined; its private state stands at its accepted round.
        leaving, releases, bounds, signal, keys: as in the state.
    """

    round: int
    tasks: tuple[TaskSpec, ...]
    clients: dict[str, Progress]
    leaving: tuple[str, ...] | None = None
    releases: int = 0
    bounds: dict[str, float] = msgspec.field(default_factory=dict)
    signal: dict[str, float] = msgspec.field(default_factory=dict)
    keys: dict[str, str] = msgspec.field(default_factory=dict)


def save_checkpoint(
    snapshots: Snapshots,
    state: ServerState,
    layouts: Mapping[str, Layout],
    tasks: tuple[TaskSpec, ...],
    keep: int,
) -> int:
    """Write `state`, drop all but the newest `keep` checkpoints, and return the bytes written.

    Raises:
        RunError: it cannot be written; older checkpoints are untouched.
    """
    clients = {name: replace(progress, durable=progress.accepted) for name, progress in state.clients.items()}
    leaving = None if state.leaving is None else tuple(sorted(state.leaving))
    header = Header(
        state.round, tasks, clients, leaving, state.releases, state.bounds, state.signal, state.keys
    )
    sent = {group: vector for group, vector in state.released.items() if vector is not state.groups[group]}
    tensors: dict[str, NDArray[Any]] = {
        f"{kind}:{name}": vector
        for kind, vectors in ((METHOD, state.method), (RELEASED, sent), (TRAINED, state.trained))
        for name, vector in vectors.items()
    }
    tensors |= to_tensors(state.groups, layouts)
    size = snapshots.write(state.round, tensors, msgspec.to_builtins(header))
    snapshots.keep(snapshots.rounds()[-keep:])
    state.clients = clients
    return size


def load_checkpoint(snapshots: Snapshots) -> tuple[Header, dict[str, NDArray[Any]]]:
    """The newest checkpoint's header and tensors.

    Raises:
        RunError: there is none, or it is damaged.
    """
    rounds = snapshots.rounds()
    if not rounds:
        raise RunError(f"{snapshots.folder} holds no checkpoint yet")
    tensors, plain = snapshots.read(rounds[-1])
    try:
        return msgspec.convert(plain, Header), tensors
    except msgspec.ValidationError as error:
        raise RunError(f"{snapshots.path(rounds[-1])} is not a checkpoint of a run: {error}") from error


def restore_state(
    header: Header, tensors: Mapping[str, NDArray[Any]], layouts: Mapping[str, Layout]
) -> ServerState:
    """The state that `save_checkpoint` wrote.

    Raises:
        RunError: it does not fit the layouts.
    """
    return ServerState(
        round=header.round,
        groups=from_tensors(tensors, layouts),
        method=_under(METHOD, tensors),
        clients=dict(header.clients),
        released=_under(RELEASED, tensors),
        trained=_under(TRAINED, tensors),
        leaving=None if header.leaving is None else frozenset(header.leaving),
        releases=header.releases,
        bounds=dict(header.bounds),
        signal=dict(header.signal),
        keys=dict(header.keys),
    )


def _under(kind: str, tensors: Mapping[str, NDArray[Any]]) -> dict[str, Vector]:
    prefix = f"{kind}:"
    return {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}


def to_tensors(groups: Mapping[str, Vector], layouts: Mapping[str, Layout]) -> dict[str, NDArray[Any]]:
    """Each tensor of each group, as `group:name`, so that any safetensors reader can use them."""
    return {
        f"{group}:{name}": tensor
        for group, vector in groups.items()
        for name, tensor in layouts[group].split(vector).items()
    }


def from_tensors(tensors: Mapping[str, NDArray[Any]], layouts: Mapping[str, Layout]) -> dict[str, Vector]:
    """The inverse of `to_tensors` for the groups in `layouts`.

    Raises:
        RunError: a tensor is missing or has another shape.
    """
    groups = {}
    for group, layout in layouts.items():
        try:
            groups[group] = layout.join({e.name: tensors[f"{group}:{e.name}"] for e in layout.entries})
        except (KeyError, ValueError) as error:
            raise RunError(f"the snapshot does not fit group '{group}' of the model: {error}") from error
    return groups
