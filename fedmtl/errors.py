"""The errors a user meets: one sentence that names the thing and the way out.

Everything below `FedmtlError` is shown without a traceback (unless `--debug`), so its message must stand alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FedmtlError(Exception):
    """Base of every error whose message is meant for the user."""


class ConfigError(FedmtlError):
    """A scenario, an override or an option is wrong."""


class DataError(FedmtlError):
    """A data set is missing, damaged or does not fit the scenario."""


class ModelError(FedmtlError):
    """A model cannot be built, or its weights cannot be had."""


class TrainingError(FedmtlError):
    """Local training cannot go on, for example after a non-finite loss."""


class ExchangeError(FedmtlError):
    """What one side sent is not what was agreed."""


class RunError(FedmtlError):
    """A run directory, a checkpoint or a client's private state cannot be used."""


class RefusalError(FedmtlError):
    """A site's own rules forbid what a server asks of it.

    Args:
        rule: the rule's short name, which is all that the server is told.
        message: the sentence for the site's own log.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class BudgetSpentError(RunError):
    """The next round would cost more privacy than the run may; it goes on only with a larger budget."""


class TooFewClientsError(RunError):
    """Too few clients are there; they may come back, and the run then goes on from its newest checkpoint."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown `word`: the nearest known one, or all of them.

    >>> did_you_mean("semsge", ["semseg", "depth"])
    "did you mean 'semseg'?"
    """
    known = sorted(known)
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if nearest:
        return f"did you mean '{nearest[0]}'?"
    return f"known: {', '.join(known)}" if known else "there are none"
