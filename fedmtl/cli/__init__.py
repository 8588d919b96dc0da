"""The fedmtl command. It alone reaches into simulations, server and clients, and only when a command runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a failure is one sentence on stderr and exit code 1, a traceback only with --debug."""
    from fedmtl.cli.commands import app
    from fedmtl.errors import FedmtlError

    # Before Flower is imported: nothing phones home.
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        app([word for word in words if word != "--debug"], prog_name="fedmtl")
    except FedmtlError as error:
        if debug:
            raise
        sys.stderr.write(f"fedmtl: {error}\n")
        raise SystemExit(1) from None
    except Exception as error:
        if debug:
            raise
        sys.stderr.write(f"fedmtl: {_sentence(error)}\n")
        raise SystemExit(1) from None


def _sentence(error: Exception) -> str:
    """What to say of an error that is not fedmtl's own."""
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} cannot be opened: {error.strerror}; do this as the user whom it belongs to"
    reason = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {reason}; --debug shows where"
