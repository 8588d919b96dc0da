"""A client's side of a secure round: deal shares, mask, say what takes the masks of a sum away, and refuse the rest.

Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", 2017, by group of parameters.
Against a server that is not honest, a client reveals of another one either the seeds of its own masks or the key of its
masks with others, never both, and the former only for one whose mark proves that it masked its vectors in the same
company; and reveals once. `fate.py` has the checks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError, RefusalError
from fedmtl.privacy.secure_sum import fate
from fedmtl.privacy.secure_sum.channel import Channel, round_secret
from fedmtl.privacy.secure_sum.derivation import KEY_BYTES, agree, public_half
from fedmtl.privacy.secure_sum.fixed_point import Means, Weighted
from fedmtl.privacy.secure_sum.kept import Kept
from fedmtl.privacy.secure_sum.keys import RULE, Keyring, Roster
from fedmtl.privacy.secure_sum.masks import add_masks
from fedmtl.privacy.secure_sum.messages import Confirmation, Deal, Delivery, Request, Revealed, Upload
from fedmtl.privacy.secure_sum.seeds import commitment, own_seed, pair_seeds
from fedmtl.privacy.secure_sum.setup import FEWEST_HOLDERS, Setup
from fedmtl.privacy.secure_sum.shamir import split
from fedmtl.privacy.secure_sum.views import CONFIRMED, UPLOADED, fate_digest, view_digest

Noise = Callable[[str, int], NDArray[np.int64]]
"""(group, how many) → integers that are added to its values in fixed point."""


class Shares(msgspec.Struct, forbid_unknown_fields=True):
    """A client's shares of another's secrets.

    Attributes:
        public: the other's key of this round.
        key: of its private half.
        seeds: group that the other holds → of the secret of its own mask.
    """

    public: bytes
    key: bytes
    seeds: dict[str, bytes]


class ClientRound(Kept):
    """Where one client is in one secure round.

    It is saved whenever it has changed and before the answer leaves, in a file that only the client can read: what was
    done once is then not done again, even by another process.

    Attributes:
        secrets: peer → the round's secret of the pair.
        key: the private one of this round; forgotten when `agreed` is there.
        seeds: group that it holds → the secret of its own mask.
        agreed: peer → what the keys of this round of both agree on; forgotten, with the seeds, once it has masked.
        shares: whose shares it could read, its own among them → them. Its *view*.
        told: the digest of the fate that it confirmed or answered to.
    """

    called: ClassVar[str] = "a client's state of a secure round is"

    setup: Setup
    client: str
    digest: bytes
    secrets: dict[str, bytes]
    key: bytes
    seeds: dict[str, bytes]
    shares: dict[str, Shares]
    agreed: dict[str, bytes] = msgspec.field(default_factory=dict)
    unreadable: list[str] = msgspec.field(default_factory=list)
    stage: Literal["dealt", "received", "masked"] = "dealt"
    told: bytes | None = None

    @classmethod
    def deal(
        cls,
        keyring: Keyring,
        setup: Setup,
        *,
        roster: Roster | None = None,
        min_holders: int = FEWEST_HOLDERS,
    ) -> tuple[Self, Deal]:
        """Begin a round. The keyring changes as well, and is saved before the answer leaves.

        Args:
            roster: client → what its key must be signed with; None trusts the server in this.
            min_holders: the fewest that this client lets its values be summed with.

        Raises:
            RefusalError: the setup is not one that this client takes part in.
        """
        fate.check_setup(keyring, setup, roster, min_holders)
        keyring.attempts.add(setup.attempt)
        client, digest, participants = keyring.client, setup.digest, setup.participants
        long_term, private = X25519PrivateKey.from_private_bytes(keyring.private), X25519PrivateKey.generate()
        secrets = {
            peer: round_secret(agree(long_term, keyring.pinned[peer]), digest)
            for peer in participants
            if peer != client
        }
        key, public = private.private_bytes_raw(), public_half(private)
        seeds = {group: os.urandom(KEY_BYTES) for group in setup.held_by(client)}
        secret = key + b"".join(seeds.values())
        pieces = split(secret, len(participants), setup.threshold)
        own = _read(public + pieces[setup.place(client) - 1], list(seeds))
        self = cls(setup, client, digest, secrets, key, seeds, {client: own})
        commitments = {group: commitment(seed, digest, client, group) for group, seed in seeds.items()}
        sealed = {
            peer: self.channel(peer).seal(public + piece)
            for peer, piece in zip(participants, pieces, strict=True)
            if peer != client
        }
        return self, Deal(client, digest, public, commitments, sealed)

    def receive(self, delivery: Delivery) -> None:
        """Open what the others sealed for this client.

        Raises:
            ExchangeError: it is for another round, or from somebody who takes no part.
            RefusalError: it came before, or too few can be read for anything to be recovered.
        """
        self._check(delivery.digest)
        if self.stage != "dealt":
            raise RefusalError(RULE, "the server delivers shares of a round a second time")
        if strangers := sorted(set(delivery.sealed) - set(self.secrets)):
            raise ExchangeError(f"has shares of '{strangers[0]}', which takes no part in the round")
        private = X25519PrivateKey.from_private_bytes(self.key)
        shares, agreed, unreadable = dict(self.shares), {}, []
        for peer, sealed in sorted(delivery.sealed.items()):
            try:
                opened = self.channel(peer).unseal(sealed)
                theirs = _read(opened, self.setup.held_by(peer))
                agreed[peer] = agree(private, theirs.public)
                shares[peer] = theirs
            except ExchangeError:
                unreadable.append(peer)
        if len(shares) < self.setup.threshold:
            raise RefusalError(
                RULE,
                f"only {len(shares)} participants have readable shares, {self.setup.threshold} are needed",
            )
        self.shares, self.agreed, self.unreadable = shares, agreed, unreadable
        self.key, self.stage = b"", "received"

    def expects(self) -> list[str]:
        """The groups to mask: those that this client holds, and enough others of its view do."""
        held = set(self.setup.held_by(self.client))
        return [group for group in self.setup.summed(frozenset(self.shares)) if group in held]

    def mask(
        self, values: Mapping[str, Weighted | NDArray[np.float64]], noise: Noise | None = None
    ) -> tuple[Upload, dict[str, NDArray[Any]]]:
        """The masked vectors, once. Where it raises, the client sits out the round and can still help to open it.

        Args:
            values: of every group of `expects`; `Weighted` float32 for a mean, float64 for statistics.
            noise: for means.

        Raises:
            ExchangeError: values are not those that were agreed, or out of the agreed range.
            RefusalError: it masked before, or was told what became of the others.
        """
        if self.stage != "received" or self.told is not None:
            raise RefusalError(RULE, "a round's masks are used once, and not after it was opened")
        if sorted(values) != self.expects():
            raise ExchangeError(f"masks {sorted(values)}, where the round needs {self.expects()}")
        vectors = {group: self._slots(group, value, noise) for group, value in values.items()}
        for group, vector in vectors.items():
            own = own_seed(self.seeds[group], self.digest, self.client, group)
            holders = self.setup.groups[group].holders
            others = [(peer, secret) for peer, secret in self.agreed.items() if peer in holders]
            plus, minus = pair_seeds(self.digest, group, self.client, others)
            add_masks(vector, [own, *plus], minus)
        proofs = {peer: self.channel(peer).mark(UPLOADED, self.view) for peer in self.agreed}
        self.agreed, self.seeds, self.stage = {}, {}, "masked"
        return Upload(self.client, self.digest, tuple(self.unreadable), proofs), vectors

    def confirm(self, request: Request) -> Confirmation:
        """Tell the others what this client is told; it is held to that.

        Raises:
            RefusalError: what it is told cannot be, or is not what it was told before.
        """
        self._believe(request)
        told = self._tell(request)
        marks = {
            peer: self.channel(peer).mark(CONFIRMED, told) for peer in self.shares if peer != self.client
        }
        return Confirmation(self.client, self.digest, marks)

    def unmask(self, request: Request) -> Revealed:
        """The shares that open the sums over who is alive; the same again if asked the same again.

        Raises:
            RefusalError: what it is told cannot be, is not what it was told before, or, where the setup wants that,
                is not what enough others were told.
        """
        self._believe(request)
        if self.setup.confirm:
            if self.told is None:
                raise RefusalError(RULE, "the server asks to open a round that nobody confirmed")
            fate.check_confirmations(self, request)
        self._tell(request)
        alive = frozenset(request.alive)
        opened = self.setup.summed(alive)
        held = {
            peer: [group for group in opened if peer in self.setup.groups[group].holders]
            for peer in self.shares
        }
        seeds = {
            peer: b"".join(self.shares[peer].seeds[group] for group in held[peer])
            for peer in request.alive
            if held[peer]
        }
        keys = {peer: self.shares[peer].key for peer in request.dropped if held[peer]}
        return Revealed(self.client, self.digest, seeds, keys)

    def channel(self, peer: str) -> Channel:
        """To another participant."""
        where = f"{self.setup.run}>{self.setup.round}>".encode() + self.digest
        return Channel(self.client, peer, self.secrets[peer], where)

    @property
    def view(self) -> bytes:
        """The digest of whose shares it could read."""
        return view_digest(self.digest, {name: shares.public for name, shares in self.shares.items()})

    def _check(self, digest: bytes) -> None:
        if digest != self.digest:
            raise ExchangeError("is of another secure round than the one that this client is in")

    def _believe(self, request: Request) -> None:
        self._check(request.digest)
        fate.check_request(self, request)

    def _tell(self, request: Request) -> bytes:
        self.told = fate_digest(self.view, request.alive, request.dropped)
        return self.told

    def _slots(self, group: str, value: Weighted | NDArray[np.float64], noise: Noise | None) -> NDArray[Any]:
        """A group's numbers in the ring, with noise."""
        form, size = self.setup.fixed_point(group), self.setup.groups[group].size
        if isinstance(value, Weighted) != isinstance(form, Means):
            raise ExchangeError(f"'{group}' is summed as {self.setup.groups[group].kind}")
        numbers = value.values if isinstance(value, Weighted) else value
        if numbers.shape != (size,):
            raise ExchangeError(f"'{group}' has shape {numbers.shape} where ({size},) was agreed")
        slots: NDArray[Any] = form.encode(group, value)  # type: ignore[arg-type]
        if noise is not None and isinstance(form, Means):
            slots[1:] += noise(group, size).astype(np.uint32)
        return slots


def _read(content: bytes, groups: list[str]) -> Shares:
    """Shares as they are sealed: the key of the round, and the shares of its private half and of each seed."""
    if len(content) != KEY_BYTES * (2 + len(groups)):
        raise ExchangeError("has shares of the wrong length")
    public, key, *seeds = (content[at : at + KEY_BYTES] for at in range(0, len(content), KEY_BYTES))
    return Shares(public, key, dict(zip(groups, seeds, strict=True)))
