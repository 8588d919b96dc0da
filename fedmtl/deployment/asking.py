"""What people ask of a server's runs: begin one, stop it, go on with it. The server's keeper does it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag

from msgspec.structs import replace

from fedmtl.config import Plan, Scenario
from fedmtl.deployment.federation import NAME
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.run_state import RunState, change_run_state, find_run, now, queue_run, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import read_status
from fedmtl.deployment.standing import Standing, standing_of
from fedmtl.errors import ConfigError, RunError
from fedmtl.privacy.fitness import check_plan
from fedmtl.reporting.events import Event
from fedmtl.reporting.follow import Tail
from fedmtl.run_directory import RunDirectory

POLL_SECONDS = 0.5
STANDING_SECONDS = 2.0
"""Between looks at the server and the other runs, while the followed one's own state stays as it is."""


def ask_for_run(folder: ServerFolder, scenario: Scenario, name: str = "") -> RunDirectory:
    """Put a new run in the server's queue.

    Its clients are the sites, each with data of its own, so what the scenario says of either is left out; unless it
    says how many must be there, all registered sites must.

    Args:
        name: of the run's folder; the scenario's, with a number if need be, where it is empty.

    Raises:
        ConfigError: no site is registered, fewer are than must be there, the scenario's method or codecs are none or
            need what its privacy settings hide, or `name` is none.
        RunError: there is such a run already, or it cannot be written.
    """
    sites = Registered.load(folder.sites).sites
    if not sites:
        raise ConfigError(
            f"no site is registered in {folder.sites}: hand a site's public keys to 'fedmtl deploy init'"
        )
    scenario.clients, scenario.data.sources = {}, {}
    scenario.federation.min_clients = scenario.federation.min_clients or len(sites)
    if scenario.federation.min_clients > len(sites):
        raise ConfigError(
            f"federation.min_clients is {scenario.federation.min_clients}, but only {len(sites)} sites are registered"
        )
    check_plan(Plan.of(scenario))  # now, while somebody is there to read why not
    directory = RunDirectory.create(
        _named(folder.runs, name) if name else RunDirectory.first_free(folder.runs / scenario.name), scenario
    )
    queue_run(directory.path)
    return directory


def ask_to_stop(folder: ServerFolder, name: str) -> RunState:
    """Have a run stopped; its newest checkpoint stays.

    Raises:
        RunError: there is no such run, or it is over already.
    """

    def stop(state: RunState) -> RunState:
        if state.over:
            raise RunError(f"run '{name}' is {state.state} already")
        return replace(state, state="stopped" if state.state == "queued" else "stopping")

    return change_run_state(find_run(folder.runs, name), stop)


def ask_to_resume(folder: ServerFolder, name: str) -> RunDirectory:
    """Put a run that was stopped, or has failed, in the queue again.

    Raises:
        RunError: there is no such run, or it is not over, or finished.
    """

    def resume(state: RunState) -> RunState:
        if state.state not in ("stopped", "failed"):
            raise RunError(
                f"run '{name}' is {state.state}: only one that was stopped or has failed can be resumed"
            )
        return replace(state, state="queued", queued=now(), setbacks=0, error="")

    run = find_run(folder.runs, name)
    change_run_state(run, resume)
    return RunDirectory.open(run)


def follow_run(folder: ServerFolder, directory: RunDirectory) -> Iterator[Event | Standing]:
    """The run's events from its first, and what it does whenever that has changed, until it is over.

    When a resume replaces the log, it is told again from its first event, but no failure is told twice.

    Raises:
        ConfigError: its config is damaged.
        RunError: the log or a state is.
    """
    tail, pause = Tail(directory.metrics), Flag()
    failures: set[tuple[str, str]] = set()
    known, told, due = None, None, 0.0
    while True:
        state = read_run_state(directory.path)  # before the events: of a run that is over, all are there
        for event in tail.new_events():
            if event["event"] == "failure":
                key = event["time"], event["error"]
                if key in failures:
                    continue
                failures.add(key)
            yield event
        if state.over:
            return
        if state != known or time.monotonic() >= due:
            known, due = state, time.monotonic() + STANDING_SECONDS
            standing = standing_of(folder, directory, state, read_status(folder))
            if standing != told:
                told = standing
                yield standing
        pause.wait(POLL_SECONDS)


def _named(runs: Path, name: str) -> Path:
    """The folder of a new run called `name`."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"--out: a run's name must be letters and digits, and . _ - after the first, not '{name}': its folder is "
            f"made in {runs}"
        )
    if (runs / name).exists():
        raise RunError(
            f"there is a run '{name}' already: go on with 'fedmtl deploy resume {name} --server {runs.parent}', or "
            "choose another name with --out"
        )
    return runs / name
