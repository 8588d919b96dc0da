"""What the server looks at in a client's message before it keeps any of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum.channel import OVERHEAD
from fedmtl.privacy.secure_sum.derivation import KEY_BYTES, agree
from fedmtl.privacy.secure_sum.messages import Confirmation, Deal, Request, Revealed, Upload
from fedmtl.privacy.secure_sum.setup import Setup


def check_sender(
    message: Deal | Upload | Confirmation | Revealed, client: str, digest: bytes, expected: Collection[str]
) -> None:
    """Raises ExchangeError where a message is another client's, of another round, or of one that was not asked."""
    if message.client != client:
        raise ExchangeError(f"answers as '{message.client}'")
    if message.digest != digest:
        raise ExchangeError("answers for another secure round")
    if client not in expected:
        raise ExchangeError("answers without being asked, twice or too late")


def check_deal(deal: Deal, setup: Setup) -> None:
    """Raises ExchangeError where a client's keys and sealed shares are not what the setup calls for."""
    held = setup.held_by(deal.client)
    _same("commitments", deal.commitments, held)
    _same("sealed shares", deal.sealed, set(setup.participants) - {deal.client})
    length = OVERHEAD + KEY_BYTES * (2 + len(held))
    if wrong := [peer for peer, sealed in deal.sealed.items() if len(sealed) != length]:
        raise ExchangeError(
            f"seals {len(deal.sealed[wrong[0]])} bytes for '{wrong[0]}' where {length} were agreed"
        )
    agree(X25519PrivateKey.generate(), deal.public)


def check_upload(
    upload: Upload, vectors: Mapping[str, NDArray[Any]], setup: Setup, dealt: Collection[str]
) -> frozenset[str]:
    """The view of a client that uploads: those whose shares it could read.

    Raises:
        ExchangeError: its vectors or marks are not what the setup calls for.
    """
    if not set(upload.unreadable) <= set(dealt) - {upload.client}:
        raise ExchangeError("cannot read shares that nobody sent it")
    view = frozenset(dealt) - frozenset(upload.unreadable)
    _same("marks", upload.proofs, view - {upload.client})
    _same("vectors", vectors, set(setup.held_by(upload.client)) & set(setup.summed(view)))
    for group, vector in vectors.items():
        form = setup.fixed_point(group)
        length = form.length(setup.groups[group].size)
        if vector.dtype != form.dtype or vector.shape != (length,):
            raise ExchangeError(
                f"sends '{group}' as {vector.dtype} of shape {vector.shape}, where {form.dtype} of shape ({length},) "
                "was agreed"
            )
    return view


def check_confirmation(confirmation: Confirmation, view: Collection[str]) -> None:
    """Raises ExchangeError where it is not for each of the others."""
    _same("marks", confirmation.marks, set(view) - {confirmation.client})


def check_revealed(revealed: Revealed, request: Request, setup: Setup) -> None:
    """Raises ExchangeError where what a client reveals is not what it was asked for."""
    opened = setup.summed(frozenset(request.alive))
    held = {peer: [g for g in opened if peer in setup.groups[g].holders] for peer in request.view}
    _same("shares of seeds", revealed.seeds, [peer for peer in request.alive if held[peer]])
    _same("shares of keys", revealed.keys, [peer for peer in request.dropped if held[peer]])
    for peer, shares in revealed.seeds.items():
        if len(shares) != KEY_BYTES * len(held[peer]):
            raise ExchangeError(
                f"reveals {len(shares)} bytes of '{peer}' where {KEY_BYTES * len(held[peer])} were agreed"
            )


def _same(what: str, found: Collection[str], expected: Collection[str]) -> None:
    if set(found) != set(expected):
        raise ExchangeError(f"sends {what} of {sorted(found)} where those of {sorted(expected)} were agreed")
