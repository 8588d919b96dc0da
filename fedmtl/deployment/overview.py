"""How a server, its sites and its runs do: made from what they leave on disk, so it works while the server is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from msgspec import to_builtins

from fedmtl.deployment.registered import Registered
from fedmtl.deployment.run_state import Stage, deployed_runs, find_run, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ServerStatus, read_status
from fedmtl.deployment.standing import standing_of
from fedmtl.errors import ConfigError
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import Failure, History
from fedmtl.run_directory import RunDirectory

FAILURES_SHOWN = 5


@dataclass(frozen=True)
class RunOverview:
    """One run.

    Attributes:
        doing, why: as in `fedmtl.deployment.standing.Standing`.
        round: the last one that is finished.
        clients: that finished it.
        failures: all there were, in order.
        error: why the run does not go on, or failed; empty where nothing is wrong.
    """

    name: str
    state: Stage
    doing: str
    why: str
    round: int
    rounds: int
    clients: int
    submissions: int
    failures: tuple[Failure, ...]
    error: str


@dataclass(frozen=True)
class Overview:
    """The server, its sites and its runs.

    Attributes:
        server: None where none lives.
        mistake: in federation.yaml, for which the server would not start; empty where there is none.
    """

    server: ServerStatus | None
    sites: dict[str, str]
    runs: tuple[RunOverview, ...]
    mistake: str = ""

    @property
    def bad(self) -> bool:
        """Whether somebody should look: the server is down, or one of these runs has failed."""
        return self.server is None or any(run.state == "failed" for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "server": to_builtins(self.server),
            "mistake": self.mistake,
            "sites": self.sites,
            "runs": [asdict(run) for run in self.runs],
        }


def look_at(folder: ServerFolder, name: str | None = None) -> Overview:
    """The server of `folder`, and the run called `name`, or all of them.

    Raises:
        ConfigError: sites.json is damaged.
        RunError: there is no such run, or its files are damaged.
    """
    status = read_status(folder)
    connected = status.sites if status else {}
    sites = {site: connected.get(site, "unknown") for site in sorted(Registered.load(folder.sites).sites)}
    folders = deployed_runs(folder.runs) if name is None else [find_run(folder.runs, name)]
    runs = tuple(_look_at(folder, RunDirectory.open(run), status) for run in folders)
    return Overview(status, sites, runs, _mistake(folder))


def _mistake(folder: ServerFolder) -> str:
    try:
        _ = folder.federation
    except ConfigError as error:
        return str(error)
    return ""


def _look_at(folder: ServerFolder, directory: RunDirectory, status: ServerStatus | None) -> RunOverview:
    state = read_run_state(directory.path)
    standing = standing_of(folder, directory, state, status)
    history = History.of(read_events(directory.metrics)) if directory.metrics.exists() else History()
    last = history.rounds.get(history.last_round)
    return RunOverview(
        name=directory.path.name,
        state=state.state,
        doing=standing.doing,
        why=standing.why,
        round=history.last_round,
        rounds=directory.scenario.rounds,
        clients=last.clients if last else 0,
        submissions=state.submissions,
        failures=tuple(history.failures),
        error=state.error,
    )


def to_text(overview: Overview) -> Iterator[str]:
    """The overview in lines for a terminal."""
    server = overview.server
    if server is None:
        yield "server: down"
    else:
        yield f"server: up (process {server.pid})" + (f", but {server.trouble}" if server.trouble else "")
        for process in server.processes:
            how = f"ready (process {process.pid})" if process.ready else process.trouble
            again = f", started again {process.restarts} times" if process.restarts else ""
            yield f"  {process.name}: {how}{again}"
    if overview.mistake:
        yield f"  {overview.mistake}"
    yield "sites:" if overview.sites else "sites: none is registered"
    for site, state in overview.sites.items():
        yield f"  {site}: {state}{_why_unknown(server) if state == 'unknown' else ''}"
    yield "runs:" if overview.runs else "runs: none"
    for run in overview.runs:
        clients = f", {run.clients} clients in the last one" if run.round else ""
        yield f"  {run.name}: {run.doing}, round {run.round} of {run.rounds}{clients}"
        if run.why:
            yield f"    {run.why}"
        if run.failures:
            yield f"    {len(run.failures)} failures, the last of them:"
        for failure in run.failures[-FAILURES_SHOWN:]:
            yield f"      round {failure.round}, {failure.phase}: {failure.error}"


def _why_unknown(server: ServerStatus | None) -> str:
    """Why it is not known whether a site is connected, as the end of its line."""
    if server is None:
        return " while the server is down"
    return "" if server.sites else " until SuperLink is up"
