"""Digests of what a client saw: with whom it shares masks, and who it is told is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fedmtl.privacy.secure_sum.derivation import digest

UPLOADED = "uploaded"
CONFIRMED = "confirmed"
"""What marks are for."""


def view_digest(setup: bytes, keys: Mapping[str, bytes]) -> bytes:
    """Of the participants whose shares a client could read, and their keys of this round.

    Everybody's keys are new in each attempt, its own among them, so this digest has never been before.
    """
    return digest("view", setup, *(word for name in sorted(keys) for word in (name, keys[name])))


def fate_digest(view: bytes, alive: Iterable[str], dropped: Iterable[str]) -> bytes:
    """Of a view and what the server says has become of those in it."""
    return digest("fate", view, *sorted(alive), "|", *sorted(dropped))
