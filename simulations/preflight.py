"""What can be known to be wrong with a scenario before a run begins."""

from __future__ import annotations

from collections.abc import Iterable

from clients.site import Site, sites_of
from fedmtl.attacks.collusion import Coalition
from fedmtl.config import Plan, Scenario
from fedmtl.data.own_scale import check_scale
from fedmtl.data.transforms import check_augmentation
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.privacy.fitness import check_plan
from fedmtl.scenario import to_yaml
from fedmtl.tasks import TaskSpec, build_task
from fedmtl.training.device import choose_device


def check_scenario(scenario: Scenario) -> None:
    """Look at method, codecs, device, tasks and every file of the data.

    Raises:
        ConfigError: a setting does not fit the data or this machine.
        DataError: a data set is missing or broken; names the file.
    """
    if not scenario.clients:
        raise ConfigError(
            "clients: name at least one client (only 'fedmtl deploy run' takes a scenario without any)"
        )
    check_method(scenario)
    choose_device(scenario.training)
    Coalition.of(scenario.clients, scenario.privacy.secure_sums)
    sites_of.cache_clear()  # files may have changed since an earlier run in this process
    sites = sites_of(to_yaml(scenario))
    known = {spec.name for site in sites.values() for spec in site.tasks}
    for task in scenario.tasks:
        if task not in known:
            raise ConfigError(f"tasks.{task}: no client has this task; {did_you_mean(task, known)}")
    _check_meanings(sites.values())
    every = {spec.name: spec for site in sites.values() for spec in site.tasks}
    check_augmentation(scenario.data.augment, map(build_task, every.values()))
    for site in sites.values():
        # One look at each source, for the tasks of all its clients.
        site.verify(
            spec.name for other in sites.values() if other.source is site.source for spec in other.tasks
        )
    check_scale((site.source for site in sites.values()), scenario.data)


def check_method(scenario: Scenario) -> None:
    """Look at the method and the codecs alone, and at what the privacy settings ask of them.

    Raises:
        ConfigError: there is no such method, codec or option, or one of them needs what is hidden.
    """
    check_plan(Plan.of(scenario))


def _check_meanings(sites: Iterable[Site]) -> None:
    """Refuse a task's name that two clients mean different things by; the server would refuse the second of them."""
    first: dict[str, tuple[TaskSpec, str]] = {}
    for site in sites:
        for spec in site.tasks:
            known, whose = first.setdefault(spec.name, (spec, site.client))
            if spec != known:
                raise ConfigError(
                    f"clients.{site.client}.tasks: '{spec.name}' is {_meaning(spec)} there and {_meaning(known)} at "
                    f"'{whose}'; give one another name, for example data.sources.X.names={{{spec.name}: other}}"
                )


def _meaning(spec: TaskSpec) -> str:
    return f"{spec.kind} of {len(spec.classes)} classes" if spec.classes else spec.kind
