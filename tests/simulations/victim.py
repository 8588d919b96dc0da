"""A run in a process of its own, which stops at a given moment to be killed there."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from fedmtl.reporting.events import Event
from fedmtl.run_directory import RunDirectory
from tests.federations import Wire, is_train, run_on

PATIENCE = 120
"""Seconds that a victim may take to get to its place, on however slow a machine."""


def killed_before_the_reply(directory: RunDirectory, client: str, round_number: int) -> None:
    """Run until `client` has trained the round and saved its private state; kill before the server hears of it."""
    _kill(_stop_before_reply, directory, client, round_number)


def killed_after_event(directory: RunDirectory, client: str, round_number: int) -> None:
    """Run until the `train` event of `client` in the round is in metrics.jsonl; kill then."""
    _kill(_stop_after_event, directory, client, round_number)


def _kill(job: Callable[..., None], directory: RunDirectory, client: str, round_number: int) -> None:
    # The fork server imports everything once; each victim is a fork of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe()
    victim = context.Process(target=job, args=(theirs, str(directory.path), client, round_number))
    victim.start()
    theirs.close()
    try:
        assert ours.poll(PATIENCE), "the victim did not get to its place in time"
        assert ours.recv() == "here"
    finally:
        victim.kill()
        victim.join(PATIENCE)
        ours.close()
    assert victim.exitcode == -signal.SIGKILL


def _stop_before_reply(parent: Connection, path: str, client: str, round_number: int) -> None:
    directory = RunDirectory.open(Path(path))

    def alter(asked, reply):
        if is_train(asked, client, round_number):
            _stop(parent)
        return reply

    run_on(Wire(directory, alter), directory)


def _stop_after_event(parent: Connection, path: str, client: str, round_number: int) -> None:
    directory = RunDirectory.open(Path(path))

    def listen(event: Event) -> None:
        if (event["event"], event.get("client"), event["round"]) == ("train", client, round_number):
            _stop(parent)

    run_on(Wire(directory), directory, [listen])


def _stop(parent: Connection) -> None:
    parent.send("here")
    signal.pause()
