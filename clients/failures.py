"""What a server is told of a site's failure: the error's class and a code, never its text.

Sentences name paths, images and labels, and a traceback quotes data. All that is in the site's own log.
"""

from __future__ import annotations

import builtins
import errno
from collections.abc import Iterator

from fedmtl.errors import (
    ConfigError,
    DataError,
    ExchangeError,
    FedmtlError,
    ModelError,
    RefusalError,
    RunError,
    TrainingError,
)

CLIENT_ERROR = 1000
"""Flower's code of our error replies: the reason is one of fedmtl's own sentences, or of a site `reason_of` it."""


class ComputerLostError(FedmtlError):
    """The process that computes ended in the middle of a message."""


_CODES: tuple[tuple[type[BaseException], str], ...] = (
    (ConfigError, "config"),
    (DataError, "data"),
    (ModelError, "model"),
    (TrainingError, "training"),
    (ExchangeError, "exchange"),
    (RunError, "state"),
    (ComputerLostError, "died"),
    (MemoryError, "memory"),
)


def code_of(error: BaseException) -> str:
    """One of: refused-<rule>, disk-full, config, data, model, training, exchange, state, died, memory, internal."""
    if isinstance(error, RefusalError):
        return f"refused-{error.rule}"
    if any(isinstance(cause, OSError) and cause.errno == errno.ENOSPC for cause in _causes(error)):
        return "disk-full"
    if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU
        return "memory"
    return next((code for kind, code in _CODES if isinstance(error, kind)), "internal")


def reason_of(error: BaseException) -> str:
    """What stands in the error reply, for example `DataError, code data (the site's own log says more)`."""
    name = type(error).__name__
    known = isinstance(error, FedmtlError) or getattr(builtins, name, None) is type(error)
    return f"{name if known else 'Exception'}, code {code_of(error)} (the site's own log says more)"


def _causes(error: BaseException) -> Iterator[BaseException]:
    while True:
        yield error
        if error.__cause__ is None:
            return
        error = error.__cause__
