"""A client's private state from round to round, so that it can go back.

A client that died between saving and replying has a newer state than the server knows of. Every instruction
names the round that the server last accepted; the client continues from that one and forgets what came later.
"""

from __future__ import annotations

from collections.abc import Mapping

from fedmtl.errors import RunError
from fedmtl.exchange.layout import Layout
from fedmtl.exchange.messages import Instruction
from fedmtl.private_state import WAY_OUT, PrivateState, read_private, write_private
from fedmtl.snapshots import Snapshots


def load_state(
    snapshots: Snapshots,
    instruction: Instruction,
    layouts: Mapping[str, Layout],
    sent: Mapping[str, Layout],
    initial: PrivateState,
) -> PrivateState:
    """The state at the instruction's accepted round; `initial` where none was accepted yet.

    Args:
        layouts: of the groups that the client keeps.
        sent: of those that it sends, whose residuals may be kept.

    Raises:
        RunError: it was lost, is damaged, is another run's, or does not fit. It is never replaced by a fresh one
            in silence.
    """
    if instruction.accepted == 0:
        return initial
    known = {**layouts, **sent}
    state = read_private(snapshots, instruction.accepted, known, instruction.federation.run)
    if lacking := sorted(set(layouts) - set(state.groups)):
        path = snapshots.path(instruction.accepted)
        raise RunError(f"{path} has no group '{lacking[0]}', which the client keeps; {WAY_OUT}")
    return state


def save_state(
    snapshots: Snapshots, instruction: Instruction, layouts: Mapping[str, Layout], state: PrivateState
) -> None:
    """Keep the state after the instruction's round, and those that the server may go back to.

    Raises:
        RunError: it cannot be written.
    """
    write_private(snapshots, instruction.round, instruction.federation.run, layouts, state)
    snapshots.keep({instruction.durable, instruction.accepted, instruction.round})
