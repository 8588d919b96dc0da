"""Nothing trains on broken data: the check that a run starts with."""

from __future__ import annotations

from collections.abc import Sequence

from fedmtl.data.base import Source
from fedmtl.data.holdout import HeldOut
from fedmtl.data.on_disk import OnDisk
from fedmtl.errors import DataError


def refuse_broken(source: Source, tasks: Sequence[str] | None, where: str = "data") -> None:
    """Check a source's training, validation and, where there are any, test images; refuse it if anything is wrong.

    Args:
        source: images and labels.
        tasks: the tasks that will be trained or evaluated; None for all that the source has.
        where: the config key of the source, for the message.

    Raises:
        DataError: there is a problem; names the first, how many there are, and how to list them.
    """
    problems = source.check(tasks)
    if not problems:
        return
    how_many = f"{len(problems)} problems" if len(problems) > 1 else "the only problem"
    whole = source.source if isinstance(source, HeldOut) else source
    listing = f"; `fedmtl data check {whole.path}` lists them" if isinstance(whole, OnDisk) else ""
    raise DataError(f"{where}: {problems[0]} ({how_many}{listing})")
