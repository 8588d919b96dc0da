"""What a client has helped to open, so that no round is opened twice over different clients.

A round that is done again, after a crash of the server, has the same updates. Were it opened over five clients at first
and then over four of them, the difference would be the fifth one's part. Others than a group's holders help to open its
sum, and it takes more than half of the round's clients; so each remembers all sums, its own and others'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fedmtl.deployment.files import PRIVATE, write_file
from fedmtl.errors import RefusalError, RunError
from fedmtl.privacy.holders import Sum

DEPTH = 2
"""Rounds that a server may go back: its checkpoints, of which there is one a round, are no further behind."""
RULE = "secure-sums"


class Opened:
    """The sums of the last rounds that one client helped to open, and over whom they were, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check_round(self, round_number: int) -> None:
        """Refuse to go back further than is remembered.

        Raises:
            RefusalError: the round is too old.
            RunError: the file is damaged.
        """
        newest = max(self._load(), default=0)
        if round_number < newest - DEPTH:
            raise RefusalError(
                RULE, f"the server goes back to round {round_number}, after round {newest} was opened"
            )

    def enter(self, round_number: int, companies: Mapping[str, Sequence[str]]) -> None:
        """Note that sums are opened, before they are.

        Args:
            companies: sum → those whose parts are in it.

        Raises:
            RefusalError: one was opened over other clients before.
            RunError: the file is damaged, or cannot be written.
        """
        rounds = self._load()
        known = rounds.setdefault(round_number, {})
        for name, company in companies.items():
            before = known.setdefault(Sum.parse(name)._replace(bucket=0).name, [])
            if sorted(company) in before:
                continue
            # Sums over clients that have none in common, as those of buckets, tell nothing of each other.
            if any(not set(company).isdisjoint(other) for other in before):
                raise RefusalError(
                    RULE,
                    f"the sum '{name}' of round {round_number} was opened over other clients before: both together "
                    "would tell what a single one has; get the same clients together, or start a new run",
                )
            before.append(sorted(company))
        kept = {number: sums for number, sums in rounds.items() if number >= max(rounds) - DEPTH}
        write_file(self._path, msgspec.json.encode(kept), PRIVATE)

    def _load(self) -> dict[int, dict[str, list[list[str]]]]:
        """Round → group, in a domain or over all → the clients of each of its sums."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[int, dict[str, list[list[str]]]])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise RunError(f"{self._path} is damaged: {error}; start a new run") from error
