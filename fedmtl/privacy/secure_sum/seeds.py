"""Which seed makes which mask.

A group's vector has one mask of its client's own, and one for each other holder, which one of the two adds and the
other takes away. Every seed depends on 32 random bytes of this round or on two X25519 keys of it, on the setup's
digest and on the group. So what is revealed of one round says nothing of another; and once a round's keys are
forgotten, the long-term keys open nothing of it either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fedmtl.privacy.secure_sum.derivation import derive, digest


class PairSeeds(NamedTuple):
    """Seeds that one client adds the streams of, and those that it takes away, of one group."""

    plus: list[bytes]
    minus: list[bytes]


def own_seed(secret: bytes, setup: bytes, client: str, group: str) -> bytes:
    """The seed of a client's own mask.

    Args:
        secret: 32 random bytes, of this client, group and round.
        setup: the setup's digest.
    """
    return derive(secret, "own mask", setup, client, group)


def pair_seeds(setup: bytes, group: str, client: str, agreed: Iterable[tuple[str, bytes]]) -> PairSeeds:
    """The seeds of the masks that a client has with others.

    Args:
        setup: the setup's digest.
        agreed: another holder and what the keys of this round of both agree on.
    """
    seeds = PairSeeds([], [])
    for other, secret in agreed:
        seed = derive(secret, "pair mask", setup, group, *sorted((client, other)))
        (seeds.plus if client < other else seeds.minus).append(seed)
    return seeds


def commitment(secret: bytes, setup: bytes, client: str, group: str) -> bytes:
    """What tells whether a recovered secret of an own mask is right, and nothing else of it."""
    return digest("commitment", setup, client, group, secret)
