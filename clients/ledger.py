"""What a site has done for others so far, in all runs together, held against its limits.

Every entry is on the disk before what it allows happens. A crash can therefore only count too much: a round that was
begun, a minute of computing, an answer that never left.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from fedmtl.deployment.files import PRIVATE, write_file
from fedmtl.deployment.site import Limits
from fedmtl.errors import RefusalError, RunError

MEGABYTE = 10**6


class Account(msgspec.Struct, forbid_unknown_fields=True):
    """Sums since the site began.

    Attributes:
        rounds: of training that were begun.
        seconds: of training and evaluation.
        sent: bytes of all answers.
        answers: lines of the log of what was sent.
        head: the hash of the last of them.
    """

    rounds: int = 0
    seconds: float = 0.0
    sent: int = 0
    answers: int = 0
    head: str = ""


class UsageLedger:
    """The account in a file.

    Args:
        path: JSON; made at the first entry.

    Raises:
        RunError: the file is damaged.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        try:
            self.account = msgspec.json.decode(path.read_bytes(), type=Account)
        except FileNotFoundError:
            self.account = Account()
        except (OSError, msgspec.MsgspecError) as error:
            raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error

    def begin_round(self) -> None:
        """Enter a round of training.

        Raises:
            RefusalError: the site's rounds are used up.
        """
        limit = self._limits.rounds
        if limit is not None and self.account.rounds >= limit:
            raise RefusalError("rounds", f"limits.rounds: {limit} rounds of training have been begun")
        self._enter(rounds=self.account.rounds + 1)

    def reserve_seconds(self, wanted: float) -> float:
        """Enter up to `wanted` seconds of computing, and return how many there are.

        Raises:
            RefusalError: the site's seconds are used up.
        """
        limit = self._limits.seconds
        granted = wanted if limit is None else min(wanted, limit - self.account.seconds)
        if granted <= 0:
            raise RefusalError("seconds", f"limits.seconds: {limit} seconds of computing are used up")
        self._enter(seconds=self.account.seconds + granted)
        return granted

    def return_seconds(self, unused: float) -> None:
        """Take back what was reserved and not used."""
        self._enter(seconds=max(self.account.seconds - unused, 0.0))

    def check_answer(self, size: int) -> None:
        """Refuse an answer of `size` bytes that is too large, or one too many.

        Raises:
            RefusalError: it is.
        """
        largest, all_together = self._limits.round_megabytes, self._limits.megabytes
        if largest is not None and size > largest * MEGABYTE:
            raise RefusalError(
                "round-megabytes",
                f"limits.round_megabytes: an answer has {size / MEGABYTE:.3f} MB, and {largest} are allowed",
            )
        if all_together is not None and self.account.sent + size > all_together * MEGABYTE:
            raise RefusalError(
                "megabytes",
                f"limits.megabytes: {all_together} MB are allowed in all, {self.account.sent / MEGABYTE:.3f} MB were "
                f"sent, and this answer has {size / MEGABYTE:.3f} MB",
            )

    def enter_answer(self, size: int, head: str) -> None:
        """Enter an answer that is about to leave, whose line in the log has the hash `head`."""
        self._enter(sent=self.account.sent + size, answers=self.account.answers + 1, head=head)

    def _enter(self, **changes: int | float | str) -> None:
        account = msgspec.structs.replace(self.account, **changes)
        write_file(self._path, msgspec.json.format(msgspec.json.encode(account)) + b"\n", PRIVATE)
        self.account = account
