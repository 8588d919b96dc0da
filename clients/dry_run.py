"""`fedmtl deploy site --dry-run`: what would leave the site, before anything does. Nothing here has a connection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clients.deployed_site import deployed_site
from clients.participant import Participant
from fedmtl.config import Plan, Scenario
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.exchange.messages import Description, Federation, Inquiry
from fedmtl.scenario import load_scenario, to_yaml
from fedmtl.shipped import find
from fedmtl.snapshots import Snapshots
from fedmtl.training.statistics import statistics_size


@dataclass(frozen=True)
class Departures:
    """What a site would send.

    Attributes:
        description: when the server asks who is there.
        groups: group → bytes of its update, in a round of training, before any codec.
        statistics: task → numbers for each split that is measured, in an evaluation.
        kept: groups that the site trains and that never leave.
    """

    description: Description
    groups: dict[str, int]
    statistics: dict[str, int]
    kept: tuple[str, ...]


def departures(folder: SiteFolder, scenario: str | None = None) -> Departures:
    """What would leave in a run of `scenario`, where all that others bring is left aside.

    Args:
        scenario: a shipped scenario's name or a file; None: a scenario's default values.

    Raises:
        ConfigError: site.yaml or the scenario is wrong.
        DataError: the site's data is broken.
        RefusalError: the site's rules are against it.
    """
    site = deployed_site(folder.file)
    plan = Plan.of(load_scenario(find(scenario)) if scenario else Scenario(name="default"))
    federation = Federation("dry-run", site.tasks, to_yaml(plan), ())
    participant = Participant(site, Snapshots(Path(folder.private)), federation)
    layouts, holdings = participant.model.vectors.layouts, participant.model.holdings
    item = np.dtype(np.float32).itemsize
    return Departures(
        site.describe(Inquiry(not plan.privacy.secure_sums)),
        {group: layouts[group].size * item for group in holdings.trains},
        {spec.name: statistics_size(spec) for spec in site.tasks},
        holdings.private,
    )
