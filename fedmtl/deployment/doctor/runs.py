"""The server's runs: which of them does not get on, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.run_state import deployed_runs, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.run_directory import RunDirectory

PATIENCE = 2.0
"""A run that has logged nothing for so many of its round timeouts is stuck."""
_RUNS = Subject("runs")


def check_runs(folder: ServerFolder, *, alive: bool) -> Iterator[Finding]:
    """How the runs do that are not over, and which have failed.

    Args:
        alive: whether the server runs.
    """
    found = False
    for path in deployed_runs(folder.runs):
        state, name = read_run_state(path), path.name
        if state.state == "failed":
            found = True
            yield _RUNS.warn(
                f"{name} has failed: {state.error}",
                f"'fedmtl deploy resume {name} --server {folder.path}' goes on with it once that is mended",
            )
        elif not state.over:
            found = True
            yield _judge(RunDirectory.open(path), state.state, state.error, alive=alive)
    if not found:
        yield _RUNS.ok("none waits, and none has failed")


def _judge(directory: RunDirectory, stage: str, error: str, *, alive: bool) -> Finding:
    name = directory.path.name
    if not alive:
        return _RUNS.warn(f"{name} is {stage}, and the server is down", "start it: it goes on by itself")
    if error:
        return _RUNS.warn(f"{name} is {stage}: {error}", "it is tried again by itself once that is mended")
    timeout = directory.scenario.federation.round_timeout
    silent = time.time() - directory.metrics.stat().st_mtime if directory.metrics.exists() else 0.0
    if stage == "running" and silent > PATIENCE * timeout:
        return _RUNS.warn(
            f"{name} has logged nothing for {silent / 60:.0f} minutes, and a round may take {timeout / 60:.0f}",
            f"see state/logs/executor.log, and whether 'fedmtl deploy status {name}' shows its sites online",
        )
    return _RUNS.ok(f"{name} is {stage}")
