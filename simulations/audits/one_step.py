"""The smallest update that a scenario's clients could send: one step of plain SGD on one image, by their own code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from clients.participant import Participant
from clients.site import Site, make_sites
from fedmtl.aggregation.running_sum import RunningSum
from fedmtl.config import AugmentConfig, OptimizerKind, Plan, Resize, Scenario, ScheduleKind
from fedmtl.data import ClientDataset, Source
from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Vector
from fedmtl.exchange.messages import Federation, Instruction, Version
from fedmtl.exchange.versions import digest
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.audits.inversion import Victim
from fedmtl.privacy.audits.inversion.victim import open_to_attack
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from fedmtl.training.objective import Objective


@dataclass(frozen=True)
class OneStep:
    """A client's update after one step on one image.

    Attributes:
        truth: the image, (C, H, W) in [0, 1].
        victim: what the attacker knows beside it.
        updates: group → what the step added.
        weights: of the groups, in a sum.
    """

    client: str
    source: Source
    image_id: str
    truth: Tensor
    resize: Resize
    victim: Victim
    vectors: GroupVectors
    updates: Mapping[str, Vector]
    weights: Mapping[str, float]


def smallest(scenario: Scenario) -> Scenario:
    """The scenario with what an attacker would wish for: one image and one plain step a round, nothing augmented."""
    training = replace(
        scenario.training,
        epochs=1,
        batch_size=1,
        accumulate=1,
        optimizer=OptimizerKind.sgd,
        weight_decay=0.0,
        clip_norm=0.0,
        schedule=ScheduleKind.constant,
        warmup=0.0,
        backbone_lr_scale=1.0,
        device="cpu",
    )
    augment = AugmentConfig(flip=False, color=0.0)
    return replace(scenario, training=training, data=replace(scenario.data, augment=augment))


def take_steps(scenario: Scenario, count: int, folder: Path) -> list[OneStep]:
    """One step each on `count` images, of all clients in turn.

    Args:
        scenario: as `smallest` gives it.
        folder: for what the clients keep.

    Raises:
        ConfigError: the clients have fewer training images.
        DataError: one cannot be read.
    """
    sites = make_sites(scenario)
    table = tuple(
        sorted({spec for site in sites.values() for spec in site.tasks}, key=lambda spec: spec.name)
    )
    federation = Federation("audit", table, to_yaml(Plan.of(scenario)), ())
    chosen = [pair for pair, _ in zip(_in_turn(sites), range(count), strict=False)]
    if len(chosen) < count:
        raise ConfigError(
            f"the clients have {len(chosen)} training images together, not the {count} to attack"
        )
    return [
        _take(sites[client], image, federation, folder / str(i)) for i, (client, image) in enumerate(chosen)
    ]


def _in_turn(sites: Mapping[str, Site]) -> Iterator[tuple[str, str]]:
    """Each (client, image id): the first image of every client, then the second, and so on."""
    for index in range(max(len(site.share.train) for site in sites.values())):
        for client, site in sites.items():
            if index < len(site.share.train):
                yield client, site.share.train[index]


def _take(site: Site, image_id: str, federation: Federation, folder: Path) -> OneStep:
    alone = replace(site, share=replace(site.share, train=(image_id,)))
    participant = Participant(alone, Snapshots(folder / site.client), federation)
    participant.membership()
    model = participant.model
    initial = {group: model.vectors.read(group) for group in model.vectors.layouts}
    sent = (*model.holdings.trains, *model.holdings.reads)
    versions = {group: Version(digest(initial[group])) for group in sent}
    trained = participant.work(Instruction(federation, 1, 0, 0, versions, ()), {})
    for group, vector in initial.items():
        model.vectors.write(group, vector)
    open_to_attack(model.network)
    item = ClientDataset(site.source, (image_id,), participant.tasks, site.data).item(0)
    objective = Objective(model.network, participant.tasks, participant.plan.tasks)
    targets = {task: target[None] for task, target in item["targets"].items()}
    channels, height, width = item["image"].shape
    victim = Victim(objective, targets, (channels, height, width))
    return OneStep(
        site.client,
        site.source,
        image_id,
        item["image"],
        site.data.resize,
        victim,
        model.vectors,
        trained.updates,
        trained.weights,
    )


def added_up(steps: Sequence[OneStep], least: int) -> dict[str, Vector]:
    """What a server gets to see under secure sums: the mean of each group over its holders, where they are enough.

    Args:
        least: holders of a group that leaves them.
    """
    found: dict[str, Vector] = {}
    for group in sorted({group for step in steps for group in step.updates}):
        holders = [step for step in steps if step.weights.get(group, 0) > 0]
        if len(holders) >= least:
            total = RunningSum(holders[0].updates[group].size)
            for step in holders:
                total.add(step.updates[group], step.weights[group])
            found[group] = total.mean()
    return found
