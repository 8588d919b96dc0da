"""What can be known to be wrong with a scenario before a run begins."""

from __future__ import annotations

from clients.site import sites_of
from fedmtl.aggregation import build_method
from fedmtl.config import Scenario
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.scenario import to_yaml
from fedmtl.training.device import choose_device


def check_scenario(scenario: Scenario) -> None:
    """Look at method, device, tasks and every file of the data.

    Raises:
        ConfigError: a setting does not fit the data or this machine.
        DataError: a data set is missing or broken; names the file.
    """
    build_method(scenario.method)
    choose_device(scenario.training)
    sites_of.cache_clear()  # files may have changed since an earlier run in this process
    sites = sites_of(to_yaml(scenario))
    known = {spec.name for site in sites.values() for spec in site.tasks}
    for task in scenario.tasks:
        if task not in known:
            raise ConfigError(f"tasks.{task}: no client has this task; {did_you_mean(task, known)}")
    for site in sites.values():
        # One look at each source, for the tasks of all its clients.
        site.verify(
            spec.name for other in sites.values() if other.source is site.source for spec in other.tasks
        )
