"""Clients that come to a federation with a model: the one that each left another run with, say of training alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients.site import Site, make_sites
from fedmtl.best_model import BROUGHT
from fedmtl.checkpoints import load_checkpoint
from fedmtl.config import Scenario
from fedmtl.data import expand_copies
from fedmtl.errors import ConfigError
from fedmtl.export import Format, export
from fedmtl.loading import load
from fedmtl.run_directory import RunDirectory


def check_bringing(scenario: Scenario, source: RunDirectory) -> None:
    """See whether the models of the run `source` can be measured in the scenario, client by client.

    They can where the client's validation images are the same, so that no model was trained on any.

    Raises:
        ConfigError: a client has other tasks or validation images in `source`, or images of another size.
        RunError: `source` has no checkpoint.
    """
    load_checkpoint(source.checkpoints)
    theirs = make_sites(source.scenario)
    for name, site in sorted(make_sites(scenario).items()):
        if name not in theirs:
            continue
        if difference := _difference(scenario, site, source.scenario, theirs[name]):
            raise ConfigError(
                f"client '{name}' cannot come with its model of {source.path}, where it had other {difference}; "
                "run without --baseline, and compare with 'fedmtl report --baseline'"
            )


def bring_models(run: RunDirectory, source: RunDirectory) -> None:
    """Put the model that each client left the run `source` with into its folder of `run`, which has not begun.

    A client that `source` does not have comes with nothing.

    Raises:
        RunError: a file cannot be read or written.
    """
    known = load_checkpoint(source.checkpoints)[0].clients
    for name in sorted(set(expand_copies(run.scenario.clients)) & set(known)):
        export(load(source.path, name), run.client_folder(name) / BROUGHT, Format.none)


def _difference(scenario: Scenario, site: Site, other_scenario: Scenario, other: Site) -> str | None:
    """What of a client differs between two scenarios, of all that has to be the same."""
    if site.tasks != other.tasks:
        return "tasks"
    if _source(scenario, site) != _source(other_scenario, other) or site.share.val != other.share.val:
        return "validation images or source options"
    data, other_data = scenario.data, other_scenario.data
    if (data.image_size, data.resize) != (other_data.image_size, other_data.resize):
        return "settings of image_size or resize"
    return None


def _source(scenario: Scenario, site: Site) -> Mapping[str, Any]:
    return scenario.data.sources[expand_copies(scenario.clients)[site.client].source]
