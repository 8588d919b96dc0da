"""Who a client is and where its data lies: what a site knows of itself, and the server never overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec.structs import replace

import fedmtl
from clients.rules import Rules
from fedmtl.attacks import Attack, build_attack
from fedmtl.config import DataConfig, Plan, Scenario
from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.data import SOURCES, HeldOut, Share, Source, expand_copies, partition, refuse_broken
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.exchange.codecs import known_tags
from fedmtl.exchange.messages import Description, Federation, Inquiry
from fedmtl.scenario import parse_plan, parse_scenario
from fedmtl.tasks import TaskSpec


@dataclass(frozen=True)
class Site:
    """One client's own side of the configuration.

    Attributes:
        tasks: what it labels, by name.
        domain: what kind of images it has.
        share: the ids of its training, validation and test images.
        verified: the tasks whose data has been found whole; shared by the clients of a source.
        key: what it signs its answers with; None where nobody asks for that, as in a simulation.
        rules: what it accepts of a server; None where server and site are one's own, as in a simulation.
        roster: the public keys of all sites, as it was given them apart from the server; None where it was not: then
            it relies on the server to hand around the others' keys for secure sums as they are.
        attack: what it does to harm the others; None where it is honest, as every deployed site is.
        privacy: of its training images; None where it has none of its own.
    """

    client: str
    source: Source
    tasks: tuple[TaskSpec, ...]
    share: Share
    data: DataConfig
    domain: str
    verified: set[str] = field(default_factory=set)
    key: Ed25519PrivateKey | None = None
    rules: Rules | None = None
    roster: Mapping[str, Ed25519PublicKey] | None = None
    attack: Attack | None = None
    privacy: ExamplePrivacyConfig | None = None

    def plan(self, federation: Federation) -> Plan:
        """The federation's plan, as this site follows it.

        Raises:
            ConfigError: it is no plan that this version of fedmtl knows.
            RefusalError: the site's rules are against it.
        """
        return self.rules.plan(federation) if self.rules else parse_plan(federation.plan)

    def verify(self, tasks: Iterable[str]) -> None:
        """Decode all that lies behind `tasks`, unless that was done before.

        Raises:
            DataError: something is missing or broken; names the first file.
        """
        if unseen := sorted(set(tasks) - self.verified):
            refuse_broken(self.source, unseen, where=f"client '{self.client}'")
            self.verified.update(unseen)

    def describe(self, inquiry: Inquiry) -> Description:
        """The client as the server asks to know it.

        Raises:
            DataError: as for `description`.
            RefusalError: the site keeps its counts to itself.
        """
        if inquiry.counted:
            if self.rules:
                self.rules.check_counted()
            return self.description
        return silent(self.description)

    @cached_property
    def description(self) -> Description:
        """The client with all that a server may be told, once its data has been found whole.

        Raises:
            DataError: the data behind its tasks is missing or broken; names the first file.
        """
        names = [spec.name for spec in self.tasks]
        self.verify(names)
        return Description(
            client=self.client,
            tasks=self.tasks,
            channels=self.source.channels,
            images=len(self.share.train),
            val_images=len(self.share.val),
            test_images=len(self.share.test),
            labelled={task: sum(self.source.has_label(i, task) for i in self.share.train) for task in names},
            version=fedmtl.__version__,
            domain=self.domain,
            codecs=known_tags(),
            counted=True,
        )


def silent(description: Description) -> Description:
    """What is left of a description where no number of images may be told."""
    return replace(
        description,
        counted=False,
        images=1,
        val_images=min(description.val_images, 1),
        test_images=min(description.test_images, 1),
        labelled={task: min(count, 1) for task, count in description.labelled.items()},
    )


def make_sites(scenario: Scenario) -> dict[str, Site]:
    """Every client of a scenario; clients that name the same source share its object.

    Raises:
        ConfigError: a client asks for a task or images that its source does not have.
        DataError: a source cannot be opened, or has no training or no validation images.
    """
    clients = expand_copies(scenario.clients)
    sources: dict[str, Source] = {
        name: SOURCES.build(
            options["kind"], {k: v for k, v in options.items() if k != "kind"}, f"data.sources.{name}"
        )
        for name, options in scenario.data.sources.items()
    }
    for name, client in clients.items():
        offered = sources[client.source].tasks
        for task in client.tasks:
            if task not in offered:
                hint = did_you_mean(task, offered)
                raise ConfigError(
                    f"clients.{name}.tasks: source '{client.source}' has no task '{task}'; {hint}"
                )
    for name, source in sources.items():
        if not (source.ids("train") and source.ids("val")):
            refuse_broken(source, [], where=f"data.sources.{name}")  # which names the file; partition cannot
        if scenario.data.holdout:
            sources[name] = HeldOut(source, name, scenario.data.holdout)
    shares = partition(sources, scenario.data, clients, scenario.seed)
    verified: dict[str, set[str]] = {name: set() for name in sources}
    sites = {}
    for name, client in clients.items():
        source = sources[client.source]
        tasks = tuple(source.tasks[task] for task in sorted(client.tasks or source.tasks))
        domain = client.domain or client.source
        attack = build_attack(client.attack, f"clients.{name}.attack")
        sites[name] = Site(
            name,
            source,
            tasks,
            shares[name],
            scenario.data,
            domain,
            verified[client.source],
            attack=attack,
            privacy=client.privacy,
        )
    return sites


@lru_cache(maxsize=4)
def sites_of(text: str) -> dict[str, Site]:
    """As `make_sites`, from a scenario's YAML; made once per process, with the data that was decoded since."""
    return make_sites(parse_scenario(text))
