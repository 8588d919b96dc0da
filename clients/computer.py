"""The process that computes a site's answers: the one that meets what a server sent, and that may be lost.

It has torch, the images and the network in memory between messages, and no connection to anybody but the worker. When
it dies, or takes too long, the worker goes on with a new one.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from flwr.app import Context, Error, Message, RecordDict

from clients.failures import CLIENT_ERROR, ComputerLostError, reason_of

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
"""Of the site's log files."""


class Computer:
    """One process at a time, for the site of the site.yaml at `path`. Closed as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start()

    def __enter__(self) -> Computer:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def ask(self, message: Message) -> None:
        """Have it begin with a message.

        Raises:
            ComputerLostError: it is not there.
        """
        if not self._process.is_alive():  # between two messages: nobody has waited for it
            self.replace()
        try:
            self._connection.send(message)
        except OSError as error:
            raise ComputerLostError("the computing process ended while it was sent a message") from error

    def wait(self, seconds: float) -> Message | None:
        """The reply, if it is there within `seconds`.

        Raises:
            ComputerLostError: the process has ended.
        """
        try:
            if not self._connection.poll(seconds):
                return None
            reply = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            code = self._process.exitcode
            raise ComputerLostError(
                f"the computing process ended with code {code}"
                + (": was it out of memory?" if code == -9 else "")
            ) from error
        assert isinstance(reply, Message)
        return reply

    def replace(self) -> None:
        """Go on with a new process, whatever this one is doing."""
        self._stop()
        self._start()

    def _start(self) -> None:
        # A fork would share what the worker has open; forked torch threads do not work either.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._path), name="computer")
        self._process.start()
        theirs.close()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection: Connection, path: Path) -> None:
    """Answer messages until the worker is gone."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=LOG_FORMAT)
    Thread(target=_end_with_parent, daemon=True).start()
    from clients.app import app  # imports torch, which the worker does without

    with suppress(EOFError):
        while True:
            message: Message = connection.recv()
            # Nothing of what the server calls its run's settings is passed on.
            context = Context(
                message.metadata.run_id,
                message.metadata.dst_node_id,
                {"site": str(path)},
                RecordDict(),
                {},
            )
            try:
                reply = app(message, context)
            except Exception as error:
                logging.getLogger(__name__).exception("answering with an error")
                reply = Message(Error(CLIENT_ERROR, reason_of(error)), reply_to=message)
            connection.send(reply)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
