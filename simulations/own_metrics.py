"""What a run's clients measured, where the server learned only what all of them did together."""

from __future__ import annotations

from fedmtl.data import expand_copies
from fedmtl.reporting.events import Event, read_events
from fedmtl.run_directory import OWN_METRICS, RunDirectory


def events_of_all(run: RunDirectory) -> list[Event]:
    """A run's events; under secure sums, with each client's own metrics, which in a simulation one may look at.

    Raises:
        RunError: there is no metrics log, or one is damaged.
    """
    events = read_events(run.metrics)
    if not run.scenario.privacy.secure_sums:
        return events
    last = max((event["round"] for event in events), default=0)
    for client in sorted(expand_copies(run.scenario.clients)):
        if (path := run.client_folder(client) / OWN_METRICS).exists():
            events += [event for event in read_events(path) if event["round"] <= last]
    return events
