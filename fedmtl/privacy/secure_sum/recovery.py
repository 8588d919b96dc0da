"""Secrets from the shares that clients revealed, each held against what its owner committed itself to.

A wrong share makes a wrong secret, which the commitment tells. While there are more shares than are needed, others are
tried, and who gave the wrong one is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, islice

import numpy as np

from fedmtl.privacy.secure_sum.shamir import combine

_TRIES = 300
"""Choices of shares to try for one secret. With one wrong share of many, every other choice or so is without it."""


class Recovery:
    """Combines shares of many secrets that lie at the same places.

    Attributes:
        wrong: places that gave a wrong share.
    """

    def __init__(self, places: Sequence[int], threshold: int) -> None:
        self.wrong: set[int] = set()
        self._places, self._threshold = list(places), threshold
        self._choice = tuple(self._places[:threshold])

    def recover(self, shares: Mapping[int, bytes], is_right: Callable[[bytes], bool]) -> bytes | None:
        """A secret; None where no choice that was tried gives the right one.

        Args:
            shares: place → share.
            is_right: whether a secret is the one that its owner committed itself to.
        """

        def from_places(choice: Sequence[int]) -> bytes:
            pieces = [np.frombuffer(shares[place], np.uint8) for place in choice]
            return combine(choice, pieces).tobytes()

        if is_right(secret := from_places(self._choice)):
            return secret
        for choice in self._choices():
            if is_right(secret := from_places(choice)):
                for place in set(self._choice) - set(choice):
                    if not is_right(from_places((*choice[1:], place))):
                        self.wrong.add(place)
                self._choice = choice
                return secret
        return None

    def _choices(self) -> list[tuple[int, ...]]:
        """Other choices to try: all of them where they are few, in an order that no place can count on."""
        rng = random.SystemRandom()
        every = list(islice(combinations(self._places, self._threshold), _TRIES + 1))
        if len(every) > _TRIES:
            return [tuple(rng.sample(self._places, self._threshold)) for _ in range(_TRIES)]
        rng.shuffle(every)
        return every
