"""Membership inference: telling images that a client trained on from others, by the loss of its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clients.site import Site, make_sites
from fedmtl.config import Scenario
from fedmtl.data import ClientDataset
from fedmtl.data.loader import make_loader
from fedmtl.errors import ConfigError, RunError
from fedmtl.inference import TrainedModel
from fedmtl.loading import load_newest
from fedmtl.privacy.audits.operating_points import auc, tpr_at_fpr
from fedmtl.reporting.audits import Findings, Row
from fedmtl.run_directory import RunDirectory
from simulations.audits.base import Audit

BATCH = 32
LEAST = 20
"""Undealt images from which on they are the others; below, validation images are."""
THREAT = (
    "The attacker has a client's model after the last round, images and their labels, and asks which of them the "
    "client trained on: it takes an image for a member where its loss is low. 'calibrated' takes off the loss that "
    "models have which never saw the image (difficulty calibration, Watson et al. 2022, arXiv 2111.08440): those of "
    "other clients of the same source in a run of local training. Others are images of the same source that no client "
    "was dealt, or, where there are fewer than 20, the client's validation images, which may differ in more than "
    "membership. AUC is 0.5 for a guess; TPR is the share of members that are found where no more of the others than "
    "FPR are taken for members. Intervals are at 95 %."
)


@dataclass(frozen=True)
class Membership(Audit):
    """Attacks the models of a finished run.

    Args:
        reference: the folder of a run of the same scenario by `method.name=local`; empty: nothing is calibrated.
        rate: of false alarms (FPR), at which the share of members that are found (TPR) is told.
    """

    reference: str = ""
    rate: float = 0.01

    def examine(self, scenario: Scenario, run: RunDirectory | None, folder: Path) -> Findings:
        """See `Audit.examine`."""
        if run is None:
            raise RunError("membership is inferred from a finished run: name its folder, not a scenario")
        if not 0 <= self.rate < 1:
            raise ConfigError(f"rate must be in [0, 1), not {self.rate}")
        sites = make_sites(scenario)
        reference = self._reference(scenario, sites)
        rows: list[Row] = []
        for client, site in sites.items():
            members = site.share.train
            others, which = _others(site, sites)
            if not others:
                continue
            model = load_newest(run, client)
            losses = [_losses(model, site, ids) for ids in (members, others)]
            scores = {"loss": [_score(each, each) for each in losses]}
            references = self._models(reference, client, sites)
            if references:
                known = [[_losses(one, site, ids) for one in references] for ids in (members, others)]
                shared = {task for task in losses[0] if any(task in each for each in known[0])}
                scores["calibrated"] = [
                    _score({task: mine[task] - _mean(task, theirs) for task in shared}, mine)
                    for mine, theirs in zip(losses, known, strict=True)
                ]
            for attack, (inside, outside) in scores.items():
                area, found = auc(inside, outside), tpr_at_fpr(inside, outside, self.rate)
                rows.append(
                    {
                        "client": client,
                        "attack": attack,
                        "AUC": area.value,
                        "AUC from": area.low,
                        "AUC to": area.high,
                        "TPR": found.value,
                        "TPR from": found.low,
                        "TPR to": found.high,
                        "members": inside.size,
                        "others": f"{outside.size} {which}",
                    }
                )
        if not rows:
            raise ConfigError(
                "no client has images that it did not train on: give the scenario validation images"
            )
        title = f"Membership inference (TPR at {100 * self.rate:g} % FPR)"
        return Findings("membership", title, THREAT, verdict(rows), tuple(rows))

    def _reference(self, scenario: Scenario, sites: Mapping[str, Site]) -> RunDirectory | None:
        """The run of local training, once it is known that its clients trained on the same images.

        Raises:
            ConfigError: it is of another method, or of other shares.
        """
        if not self.reference:
            return None
        run = RunDirectory.open(Path(self.reference))
        if run.scenario.method["name"] != "local":
            raise ConfigError(
                f"{self.reference} is a run of '{run.scenario.method['name']}', whose clients learn of each other's "
                "images: train a reference with method.name=local"
            )
        theirs = {client: site.share.train for client, site in make_sites(run.scenario).items()}
        if theirs != {client: site.share.train for client, site in sites.items()}:
            raise ConfigError(
                f"in {self.reference} clients hold other images: train a reference of this scenario"
            )
        return run

    def _models(
        self, reference: RunDirectory | None, client: str, sites: Mapping[str, Site]
    ) -> list[TrainedModel]:
        """Models of the same source's images that never saw the client's."""
        if reference is None:
            return []
        own = {spec.name for spec in sites[client].tasks}
        return [
            load_newest(reference, other)
            for other, site in sites.items()
            if other != client
            and site.source is sites[client].source
            and own & {spec.name for spec in site.tasks}
        ]


def _others(site: Site, sites: Mapping[str, Site]) -> tuple[tuple[str, ...], str]:
    """Images of the client's source that nobody trained on, and which they are."""
    dealt = {i for other in sites.values() if other.source is site.source for i in other.share.train}
    undealt = tuple(i for i in site.source.ids("train") if i not in dealt)
    return (undealt, "undealt") if len(undealt) >= LEAST else (site.share.val, "validation")


@torch.inference_mode()
def _losses(model: TrainedModel, site: Site, ids: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Task → the loss of each image, weighted as in training's default; NaN where it has no label."""
    tasks = list(model.tasks.values())
    own = [task for task in tasks if task.name in site.source.tasks]
    dataset = ClientDataset(site.source, ids, own, site.data)
    found: dict[str, list[float]] = {task.name: [] for task in own}
    for batch in make_loader(dataset, BATCH, training=False):
        predictions = model.network(batch.image, [task.name for task in own]).predictions
        for task in own:
            for index in range(batch.num_images):
                one = slice(index, index + 1)
                loss = task.weight * task.loss(predictions[task.name][one], batch.targets[task.name][one])
                labelled = bool(batch.labelled[task.name][index])
                found[task.name].append(float(loss) if labelled else float("nan"))
    return {task: np.array(values) for task, values in found.items()}


def _mean(task: str, references: Sequence[Mapping[str, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """The mean loss of the references that have the task."""
    losses: NDArray[np.float64] = np.mean([each[task] for each in references if task in each], axis=0)
    return losses


def _score(
    losses: Mapping[str, NDArray[np.float64]], own: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Minus the sum over tasks of each image's losses, of the images that have any label."""
    table = np.array(list(losses.values()))
    known = ~np.isnan(np.array(list(own.values()))).all(axis=0)
    scores: NDArray[np.float64] = -np.nansum(table, axis=0)[known]
    return scores


def verdict(rows: Sequence[Row]) -> str:
    """Whose members can be told, in a sentence."""
    told = sorted({str(row["client"]) for row in rows if float(row["AUC from"] or 0) > 0.5})
    if not told:
        return "Of no client can members be told from others: every AUC's interval has 0.5 in it."
    best = max(rows, key=lambda row: float(row["AUC"] or 0))
    return (
        f"Members can be told from others, more often than by guessing, of: {', '.join(told)}. The largest AUC is "
        f"{best['AUC']:.3f}, of '{best['client']}' by '{best['attack']}'. By chance, one client in forty is told so."
    )
