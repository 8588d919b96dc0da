"""A client's side of secure sums, from message to message: its key of the run, and the rounds that are not over.

Both lie in its folder, readable to nobody else, and are written before the answer leaves that they stand for: who dies
in between and comes back gives the same answer, or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from clients.opened import Opened
from clients.quorums import Quorum, Quorums
from fedmtl.deployment.files import PRIVATE, make_folder, write_file
from fedmtl.errors import ExchangeError, RunError
from fedmtl.exchange.codec import Encoded, encode
from fedmtl.privacy.secure_sum import (
    ClientRound,
    Confirmation,
    Deal,
    Delivery,
    Keyring,
    Noise,
    PublicKey,
    Request,
    Revealed,
    Setup,
    Upload,
    Weighted,
)

T = TypeVar("T")
Value = Weighted | NDArray[np.float64]
"""A group's update with its weight, or statistics that are added up."""
_ATTEMPT = re.compile(r"[0-9a-f]{32}")


class Masking:
    """One client's secrets in one run.

    Args:
        folder: of the run's secrets; made at the first write.
        key: what the client signs with; None where nobody asks for that.
        roster: the other sites' public keys, as far as this one was given them apart from the server.
        min_holders: of a sum that the client takes part in.

    Raises:
        RunError: the key of the run is damaged, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        client: str,
        key: Ed25519PrivateKey | None,
        roster: Mapping[str, Ed25519PublicKey] | None,
        min_holders: int,
    ) -> None:
        self._folder, self._run, self._client = folder, run, client
        self._key, self._roster, self._min_holders = key, roster, min_holders
        self._opened = Opened(folder / "opened")
        self._quorums = Quorums(folder / "quorums")

    def public_key(self) -> PublicKey:
        """The key of this run by which the others know the client."""
        return self._keyring().public_key(self._key)

    def deal(self, setup: Setup) -> Deal:
        """Begin a round.

        Raises:
            ExchangeError: it is another run's.
            RefusalError: the server asks for what would tell it more than sums.
        """
        if setup.run != self._run:
            raise ExchangeError(f"the server asks for a sum of run '{setup.run}' in run '{self._run}'")
        self._opened.check_round(setup.round)
        self._quorums.check(setup.round, setup.held_by(self._client), _quorum(setup))
        keyring = self._keyring()
        state, deal = ClientRound.deal(keyring, setup, roster=self._roster, min_holders=self._min_holders)
        self._forget_rounds()
        self._write("keyring", keyring.to_bytes())
        self._write(setup.attempt, state.to_bytes())
        return deal

    def receive(self, attempt: str, round_number: int, delivery: Delivery) -> Sequence[str]:
        """Take in what the others dealt; returns the sums that are wanted.

        Raises:
            ExchangeError: they dealt for another round.
        """
        return self._change(attempt, lambda state: _received(state, round_number, delivery))

    def mask(
        self, attempt: str, values: Mapping[str, Value], noise: Noise | None = None
    ) -> tuple[Upload, dict[str, Encoded]]:
        """What leaves of these values.

        Raises:
            ExchangeError: one is out of the agreed range.
        """
        upload, vectors = self._change(attempt, lambda state: self._masked(state, values, noise))
        return upload, {name: encode(vector) for name, vector in vectors.items()}

    def setup(self, attempt: str) -> Setup:
        """The setup of a round that is not over."""
        return self._change(attempt, lambda state: state.setup)

    def confirm(self, attempt: str, request: Request) -> Confirmation:
        """Say which request the server made of this client."""
        return self._change(attempt, lambda state: state.confirm(request))

    def unmask(self, attempt: str, request: Request) -> Revealed:
        """The shares that open the sums.

        Raises:
            RefusalError: they would open more than that.
        """
        return self._change(attempt, lambda state: self._unmasked(state, request))

    def _masked(
        self, state: ClientRound, values: Mapping[str, Value], noise: Noise | None
    ) -> tuple[Upload, dict[str, NDArray[np.uint32]]]:
        upload, vectors = state.mask(values, noise)
        self._quorums.enter(state.setup.round, vectors, _quorum(state.setup))
        return upload, vectors

    def _unmasked(self, state: ClientRound, request: Request) -> Revealed:
        revealed, setup = state.unmask(request), state.setup
        alive = frozenset(request.alive)
        self._opened.enter(setup.round, {name: setup.present(name, alive) for name in setup.summed(alive)})
        return revealed

    def _keyring(self) -> Keyring:
        path = self._folder / "keyring"
        if not path.exists():
            self._write("keyring", Keyring.create(self._run, self._client).to_bytes())
        keyring = Keyring.from_bytes(path.read_bytes())
        if (keyring.run, keyring.client) != (self._run, self._client):
            raise RunError(f"{path} is of client '{keyring.client}' in run '{keyring.run}'; start a new run")
        return keyring

    def _change(self, attempt: str, act: Callable[[ClientRound], T]) -> T:
        path = self._folder / attempt
        if not _ATTEMPT.fullmatch(attempt) or not path.exists():
            raise ExchangeError("the server goes on with a round that this client has not begun")
        state = ClientRound.from_bytes(path.read_bytes())
        result = act(state)
        self._write(attempt, state.to_bytes())
        return result

    def _forget_rounds(self) -> None:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if _ATTEMPT.fullmatch(path.name):
                    path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        make_folder(self._folder, 0o700)
        write_file(self._folder / name, data, PRIVATE)


def _quorum(setup: Setup) -> Quorum:
    return Quorum(setup.participants, setup.threshold)


def _received(state: ClientRound, round_number: int, delivery: Delivery) -> Sequence[str]:
    if state.setup.round != round_number:
        raise ExchangeError(f"the server goes on with round {state.setup.round} as if it were {round_number}")
    state.receive(delivery)
    return state.expects()
