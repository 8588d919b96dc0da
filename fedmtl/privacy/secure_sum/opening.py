"""Opening a sum: whose masks are still in it, and the seeds that take them away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum.derivation import KEY_BYTES, agree, public_half
from fedmtl.privacy.secure_sum.fixed_point import GroupSum
from fedmtl.privacy.secure_sum.masks import add_masks
from fedmtl.privacy.secure_sum.messages import Deal, Request, Revealed
from fedmtl.privacy.secure_sum.recovery import Recovery
from fedmtl.privacy.secure_sum.seeds import commitment, own_seed, pair_seeds
from fedmtl.privacy.secure_sum.setup import Setup


class Secrets(NamedTuple):
    """What was recovered.

    Attributes:
        seeds: (who is alive, group) → the secret of its own mask.
        agreed: (who dropped out, who is alive) → what their keys of this round agree on.
        faulty: client → what it did wrong.
    """

    seeds: dict[tuple[str, str], bytes]
    agreed: dict[tuple[str, str], bytes]
    faulty: dict[str, str]


def recover_secrets(
    setup: Setup, request: Request, deals: Mapping[str, Deal], revealed: Mapping[str, Revealed]
) -> Secrets:
    """All secrets that the revealed shares give; at least the threshold of clients revealed some."""
    place = {client: setup.place(client) for client in revealed}
    recovery = Recovery(list(place.values()), setup.threshold)
    digest, opened = setup.digest, setup.summed(frozenset(request.alive))
    secrets = Secrets({}, {}, {})
    for peer in request.alive:
        held = [group for group in opened if peer in setup.groups[group].holders]
        for i, group in enumerate(held):
            part = slice(KEY_BYTES * i, KEY_BYTES * (i + 1))
            committed = deals[peer].commitments[group]
            seed = recovery.recover(
                {place[client]: revealed[client].seeds[peer][part] for client in revealed},
                lambda secret, of=(peer, group), to=committed: commitment(secret, digest, *of) == to,  # type: ignore[misc]
            )
            if seed is None:
                secrets.faulty[peer] = "dealt shares that do not give its secrets"
            else:
                secrets.seeds[peer, group] = seed
    for peer in next(iter(revealed.values())).keys:
        key = recovery.recover(
            {place[client]: revealed[client].keys[peer] for client in revealed},
            lambda secret, of=deals[peer].public: (
                public_half(X25519PrivateKey.from_private_bytes(secret)) == of
            ),  # type: ignore[misc]
        )
        if key is None:
            secrets.faulty[peer] = "dealt shares that do not give its secrets"
        else:
            private = X25519PrivateKey.from_private_bytes(key)
            secrets.agreed.update(
                {(peer, other): agree(private, deals[other].public) for other in request.alive}
            )
    for client in revealed:
        if place[client] in recovery.wrong:
            secrets.faulty[client] = "revealed shares that do not fit those of others, or was dealt such"
    return secrets


def open_sum(
    setup: Setup,
    group: str,
    slots: NDArray[Any],
    request: Request,
    deals: Mapping[str, Deal],
    secrets: Secrets,
) -> GroupSum:
    """A group's sum, from that of what was uploaded, which is changed in place.

    Raises:
        ExchangeError: a secret that is needed could not be recovered; a whole sentence.
    """
    alive = setup.present(group, frozenset(request.alive))
    dropped = setup.present(group, frozenset(request.dropped))
    lost = [client for client in alive if (client, group) not in secrets.seeds]
    lost += [client for client in dropped if (client, alive[0]) not in secrets.agreed]
    if lost:
        raise ExchangeError(f"the shares of '{lost[0]}' do not give its secrets")
    digest = setup.digest
    minus = [own_seed(secrets.seeds[client, group], digest, client, group) for client in alive]
    plus: list[bytes] = []
    for client in dropped:
        # What it would have added is what is missing, so that the others' halves of these masks cancel.
        seeds = pair_seeds(digest, group, client, [(other, secrets.agreed[client, other]) for other in alive])
        plus += seeds.plus
        minus += seeds.minus
    add_masks(slots, plus, minus)
    return setup.fixed_point(group).decode(slots, tuple(alive))
