"""What a run of a deployment does, in words: of its own state, the runs before it, and what the server says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from fedmtl.deployment.run_state import RunState, deployed_runs, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ServerStatus
from fedmtl.errors import FedmtlError
from fedmtl.run_directory import RunDirectory


@dataclass(frozen=True)
class Standing:
    """What a run does.

    Attributes:
        doing: in a few words: a stage, or what it waits for.
        why: in a clause; empty where there is nothing to say.
    """

    doing: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.doing}: {self.why}" if self.why else self.doing


def standing_of(
    folder: ServerFolder, run: RunDirectory, state: RunState, status: ServerStatus | None
) -> Standing:
    """What `run` does.

    Args:
        status: the server's; None where none lives.

    Raises:
        RunError: another run's state is damaged.
        ConfigError: the run's config is.
    """
    match state.state:
        case "queued":
            return _queued(folder, run, status)
        case "running":
            return _running(run, state, status)
        case _:
            return Standing(state.state, state.error)


def _queued(folder: ServerFolder, run: RunDirectory, status: ServerStatus | None) -> Standing:
    """Behind those that the server's keeper sees to before it."""
    everybody = deployed_runs(folder.runs)
    own = next((place for place, path in enumerate(everybody) if path.name == run.path.name), 0)
    ahead = [path for path in everybody[:own] if not read_run_state(path).over]
    if not ahead:
        return Standing("queued" if status is None or status.sites else "queued until SuperLink is up")
    first, same = RunDirectory(ahead[0]), ""
    doing: str = read_run_state(first.path).state
    with suppress(FedmtlError):  # another run's damaged config is that run's trouble
        doing = standing_of(folder, first, read_run_state(first.path), status).doing
        same = " (the same scenario)" if first.scenario.name == run.scenario.name else ""
    which = doing if doing.startswith("waits") else f"is {doing}"
    more = f", and {len(ahead) - 1} more" if len(ahead) > 1 else ""
    return Standing(f"queued behind {first.path.name}{same}, which {which}{more}")


def _running(run: RunDirectory, state: RunState, status: ServerStatus | None) -> Standing:
    if status is None:
        return Standing("waits for the server", "it goes on by itself once that is started")
    needed = run.scenario.federation.min_clients
    online = [site for site, how in status.sites.items() if how == "online"]
    if status.sites and len(online) < needed:
        missing = ", ".join(sorted(status.sites.keys() - set(online)))
        verb = "is" if len(online) == 1 else "are"
        there = (
            f"{len(online)} of the {needed} that it needs {verb} connected, and not {missing}"
            if online
            else f"none is connected, and it needs {needed}"
        )
        return Standing("waits for sites", f"{there}; it goes on by itself")
    return Standing("running", f"{state.error}; it is tried again by itself" if state.error else "")
