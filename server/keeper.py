"""Keeps SuperLink as it should be: the registered sites' nodes let in, and the runs that were asked for carried out.

One run at a time, in the order in which they were asked for. A run that SuperLink lost is submitted again, and goes on
from its newest checkpoint; one that waits for sites is submitted again and again, for ever; one that fails by an error
of its own has failed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from fedmtl.deployment.run_state import RunState, Stage, change_run_state, deployed_runs, now, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.errors import RunError
from fedmtl.locking import is_held
from fedmtl.reporting.events import MetricsLog
from fedmtl.run_directory import RunDirectory
from server.control import Control, FlowerRun
from server.nodes import match_nodes
from server.outcome import Verdict, judge

logger = logging.getLogger(__name__)

MOST_SETBACKS = 10
"""A run that is lost so often in a row, with no new checkpoint in between, has failed."""
FIRST_PAUSE = 1.0
"""Seconds before a run is submitted again for the first time; doubled for each setback, up to LONGEST_PAUSE."""
LONGEST_PAUSE = 60.0
NODES_SECONDS = 5.0
"""Between looks at SuperLink's nodes while sites.json stays as it is."""
ASK_SECONDS = 5.0
"""Between questions to SuperLink about the run that is carried out; it logs two lines for each."""
WAITING_PAUSE = 15.0
"""Seconds before a run is submitted again that found too few sites."""


class Keeper:
    """What the server does about its nodes and runs, a look at a time.

    Args:
        generation: changes whenever what carries out runs was started again; None while it is not there.
    """

    def __init__(self, folder: ServerFolder, control: Control, generation: Callable[[], int | None]) -> None:
        self.sites: Mapping[str, str] = {}
        self._folder, self._control, self._generation = folder, control, generation
        self._submitted: dict[Path, int] = {}
        self._due: dict[Path, float] = {}
        self._nodes_due, self._sites_changed, self._ask_due = 0.0, -1, 0.0

    def look(self) -> None:
        """See to nodes and runs once.

        Raises:
            FedmtlError: something keeps the server from its work; the next look may find it gone.
        """
        generation = self._generation()
        if generation is None:
            return
        self._match_nodes()
        busy = False
        for folder in deployed_runs(self._folder.runs):
            state = read_run_state(folder)
            if state.state == "stopping":
                self._stop(folder, state)
                busy = True
            elif not state.over and not busy:
                self._advance(folder, state, generation)
                busy = True

    def _match_nodes(self) -> None:
        """At once when sites.json has changed, else now and then."""
        path = self._folder.sites
        changed = path.stat().st_mtime_ns if path.exists() else 0
        if changed != self._sites_changed or time.monotonic() >= self._nodes_due:
            self.sites = match_nodes(self._control, path)
            self._sites_changed, self._nodes_due = changed, time.monotonic() + NODES_SECONDS

    def rest(self) -> None:
        """Before the server ends: what was running will be begun again as if it had not been.

        Raises:
            RunError: a state cannot be written.
        """
        for folder in deployed_runs(self._folder.runs):
            if read_run_state(folder).state == "running":
                change_run_state(folder, lambda state: replace(state, state="queued", flower_run=None))

    def _advance(self, folder: Path, state: RunState, generation: int) -> None:
        if state.flower_run is None:
            if time.monotonic() >= self._due.get(folder, 0.0):
                self._submit(folder, generation)
        elif self._submitted.get(folder) != generation:
            with suppress(RunError):  # SuperLink may have forgotten it altogether
                self._control.stop(state.flower_run)
            self._set_back(folder, state, "the server's processes were started again")
        elif time.monotonic() >= self._ask_due:
            self._ask_due = time.monotonic() + ASK_SECONDS
            if (run := self._control.run(state.flower_run)).finished:
                self._conclude(folder, state, run)
            elif state.error and _newest(RunDirectory(folder)) > state.checkpoint:
                change_run_state(folder, lambda known: replace(known, error=""))  # it has gone on since

    def _submit(self, folder: Path, generation: int) -> None:
        directory = RunDirectory.open(folder)
        if is_held(directory.lock_file):
            return  # the last submission's process has not ended yet
        settings = {
            "run-dir": str(folder.absolute()),
            "engine": "deployment",
            "roster": str(self._folder.sites.absolute()),
        }
        submitted, newest = now(), _newest(directory)
        flower_run = self._control.start(settings)
        self._submitted[folder] = generation
        change_run_state(
            folder,
            lambda state: replace(
                state,
                state="running" if state.state == "queued" else state.state,
                flower_run=flower_run,
                submitted=submitted,
                submissions=state.submissions + 1,
                checkpoint=newest,
            ),
        )
        logger.info("run %s is submitted as run %d of Flower", folder.name, flower_run)

    def _conclude(self, folder: Path, state: RunState, run: FlowerRun) -> None:
        outcome = judge(RunDirectory.open(folder).metrics, state.submitted, run)
        match outcome.verdict:
            case Verdict.finished:
                self._end(folder, "finished")
            case Verdict.failed:
                self._end(folder, "failed", outcome.why)
            case Verdict.waiting:
                self._due[folder] = time.monotonic() + WAITING_PAUSE
                change_run_state(
                    folder, lambda known: replace(known, flower_run=None, setbacks=0, error=outcome.why)
                )
            case Verdict.lost:
                self._set_back(folder, state, outcome.why)

    def _set_back(self, folder: Path, state: RunState, why: str) -> None:
        """The submission is lost: note it, and try again after a while, or give up."""
        directory = RunDirectory.open(folder)
        if is_held(directory.lock_file):
            return  # its process has not ended yet
        newest = _newest(directory)
        setbacks = 1 if newest > state.checkpoint else state.setbacks + 1
        with directory.lock(), MetricsLog(directory.metrics) as log:
            log.append(
                {"event": "failure", "round": newest, "client": "server", "phase": "continue", "error": why}
            )
        if setbacks > MOST_SETBACKS:
            self._end(folder, "failed", f"given up after {setbacks} setbacks in a row, the last one: {why}")
            return
        self._due[folder] = time.monotonic() + min(FIRST_PAUSE * 2 ** (setbacks - 1), LONGEST_PAUSE)
        logger.warning("run %s was lost: %s", folder.name, why)
        change_run_state(folder, lambda known: replace(known, flower_run=None, setbacks=setbacks, error=why))

    def _stop(self, folder: Path, state: RunState) -> None:
        if state.flower_run is not None:
            with suppress(RunError):  # SuperLink may have forgotten it altogether
                self._control.stop(state.flower_run)
        if not is_held(RunDirectory(folder).lock_file):
            self._end(folder, "stopped")

    def _end(self, folder: Path, stage: Stage, why: str = "") -> None:
        change_run_state(folder, lambda known: replace(known, state=stage, flower_run=None, error=why))
        because = f": {why}" if why else ""
        logger.log(logging.ERROR if why else logging.INFO, "run %s is %s%s", folder.name, stage, because)


def _newest(directory: RunDirectory) -> int:
    """The round of the newest checkpoint; 0 where there is none."""
    return max(directory.checkpoints.rounds(), default=0)
