"""The contract of an attack: what a malicious client does to its labels and to its updates.

Unless an attack says more, the client knows what any client knows: its own data, the model that it is sent and the
method. It may send any finite numbers, and it trains first, as if it were honest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedmtl.data.base import Source
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Occasion:
    """Whose update it is and of which round; what an attack's randomness is keyed by, with the run's seed."""

    seed: int
    round: int
    client: str


@dataclass(frozen=True)
class Attack:
    """One way to be malicious; its options are its dataclass fields. A subclass overrides what it interferes with."""

    def poison(self, source: Source) -> Source:
        """Where the client's training images and labels come from; those that it is measured by stay as they are."""
        return source

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        """What is sent of each group, in float32, just before it is encoded.

        Args:
            updates: what training added.
        """
        return dict(updates)
