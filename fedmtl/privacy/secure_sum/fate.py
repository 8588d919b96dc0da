"""What a client looks at before it begins a round, and before it reveals anything of one.

A server could say of the same client that it is alive to some and that it dropped out to others, could say that clients
uploaded which did not, could tell clients of different company, or ask again with another story. Each of these is
refused here, or leaves it with fewer shares than it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedmtl.errors import RefusalError
from fedmtl.privacy.secure_sum.keys import RULE, Keyring, Roster
from fedmtl.privacy.secure_sum.messages import Request
from fedmtl.privacy.secure_sum.setup import Setup
from fedmtl.privacy.secure_sum.views import CONFIRMED, UPLOADED, fate_digest

if TYPE_CHECKING:
    from fedmtl.privacy.secure_sum.client import ClientRound


def check_setup(keyring: Keyring, setup: Setup, roster: Roster | None, min_holders: int) -> None:
    """Raises RefusalError where a client takes no part in such a round; pins keys that are new."""
    if setup.run != keyring.run or keyring.client not in setup.keys:
        raise RefusalError(RULE, f"the round is not one of run '{keyring.run}' with '{keyring.client}'")
    if setup.attempt in keyring.attempts:
        raise RefusalError(RULE, f"the server begins an attempt at round {setup.round} a second time")
    if setup.min_holders < min_holders:
        raise RefusalError(
            RULE,
            f"the server would open sums over {setup.min_holders} clients; {min_holders} are the fewest here",
        )
    if roster is not None and not setup.confirm:
        raise RefusalError(
            RULE,
            "with a roster, clients confirm to each other what they are told, and the server wants none of that",
        )
    keyring.check(setup.keys, roster)


def check_request(state: ClientRound, request: Request) -> None:
    """Raises RefusalError where what the server says became of the others cannot be, or differs from before."""
    if state.stage == "dealt":
        raise RefusalError(RULE, "the server asks to open a round whose shares it never delivered")
    alive, dropped, view = set(request.alive), set(request.dropped), set(state.shares)
    if alive & dropped:
        raise RefusalError(
            RULE,
            f"the server says that '{min(alive & dropped)}' is alive and dropped out: it wants both its secrets",
        )
    if set(request.view) != view or alive | dropped != view:
        raise RefusalError(RULE, "the server names others than those whose shares this client has")
    if (state.client in alive) != (state.stage == "masked"):
        said = "is alive" if state.client in alive else "dropped out"
        raise RefusalError(RULE, f"the server says that this client {said}, and that is not so")
    for peer in sorted(alive - {state.client}):
        if not state.channel(peer).has_marked(UPLOADED, state.view, request.proofs.get(peer)):
            raise RefusalError(
                RULE,
                f"the server has no proof that '{peer}' uploaded in the company that this client was told of",
            )
    if not state.setup.summed(frozenset(alive)):
        raise RefusalError(
            RULE, f"no group has {state.setup.min_holders} holders alive, so there is nothing to open"
        )
    if state.told not in (None, fate_digest(state.view, alive, dropped)):
        raise RefusalError(RULE, "the server tells another story of the round than before")


def check_confirmations(state: ClientRound, request: Request) -> None:
    """Raises RefusalError unless as many as the threshold, this client among them, were told the same.

    Who was told otherwise will not reveal anything for this, and as more than half are needed, no two stories can have
    enough.
    """
    told = fate_digest(state.view, request.alive, request.dropped)
    same = sum(
        state.channel(peer).has_marked(CONFIRMED, told, request.confirmations.get(peer))
        for peer in state.secrets
        if peer in state.shares
    )
    if same + 1 < state.setup.threshold:
        raise RefusalError(
            RULE,
            f"only {same + 1} of the needed {state.setup.threshold} clients were told the same of the round",
        )
