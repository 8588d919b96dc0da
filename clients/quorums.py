"""Who could open the sums that a client sent its part in, so that no two openings go unnoticed by everybody.

A client remembers what it helped to open (`clients.opened`). That is of no use where a round is done again with so many
new clients that they open it among themselves: they remember nothing. So a holder sends its part in a round a second
time only where whoever opens one attempt has somebody among those who open the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from clients.opened import DEPTH, RULE
from fedmtl.deployment.files import PRIVATE, write_file
from fedmtl.errors import RefusalError, RunError
from fedmtl.privacy.holders import Sum


class Quorum(msgspec.Struct, frozen=True):
    """The clients of an attempt at a round, sorted, and how many of them open its sums."""

    clients: tuple[str, ...]
    threshold: int

    def meets(self, other: Quorum) -> bool:
        """Whether any `threshold` clients of the one and of the other have one in common."""
        return self.threshold + other.threshold > len({*self.clients, *other.clients})


class Quorums:
    """The attempts of the last rounds in which one client sent its part, by sum, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self, round_number: int, sums: Iterable[str], quorum: Quorum) -> None:
        """Refuse an attempt that could be opened without anybody who knows of an earlier one.

        Args:
            sums: those that the client would send a part of.
            quorum: of the attempt.

        Raises:
            RefusalError: too many others take part this time, or the round is too old.
            RunError: the file is damaged.
        """
        rounds = self._load()
        newest = max(rounds, default=0)
        if round_number < newest - DEPTH:
            raise RefusalError(
                RULE, f"the server goes back to round {round_number}, after a part was sent in round {newest}"
            )
        known = rounds.get(round_number, {})
        if not all(quorum.meets(earlier) for name in sums for earlier in known.get(_key(name), ())):
            raise RefusalError(
                RULE,
                f"round {round_number} was begun with other clients, and these could open it anew without any of them: "
                "both sums together would tell what a single client has; get the same clients together, or start a "
                "new run",
            )

    def enter(self, round_number: int, sums: Iterable[str], quorum: Quorum) -> None:
        """Note that the client's part of some sums is about to leave.

        Raises:
            RunError: the file is damaged, or cannot be written.
        """
        rounds = self._load()
        known = rounds.setdefault(round_number, {})
        for name in sums:
            attempts = known.setdefault(_key(name), [])
            if quorum not in attempts:
                attempts.append(quorum)
        kept = {number: each for number, each in rounds.items() if number >= max(rounds) - DEPTH}
        write_file(self._path, msgspec.json.encode(kept), PRIVATE)

    def _load(self) -> dict[int, dict[str, list[Quorum]]]:
        """Round → group, in a domain or over all → the attempts."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[int, dict[str, list[Quorum]]])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise RunError(f"{self._path} is damaged: {error}; start a new run") from error


def _key(name: str) -> str:
    """A sum's name, whatever the bucket: which one a client is in changes with who takes part."""
    return Sum.parse(name)._replace(bucket=0).name
