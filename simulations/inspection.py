"""Looking at a run with its clients' data at hand, as only a simulation has it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clients.site import Site, make_sites
from fedmtl.aggregation import Method, Policy, build_method
from fedmtl.best_model import BEST, read_best
from fedmtl.checkpoints import load_checkpoint
from fedmtl.data import ClientDataset
from fedmtl.errors import DataError
from fedmtl.inference import TrainedModel
from fedmtl.loading import load, load_newest
from fedmtl.models.groups import Role
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.holders import Sum
from fedmtl.reporting.measured import Measurement
from fedmtl.reporting.panels import Panel, PanelRow
from fedmtl.reporting.report import GroupInfo
from fedmtl.run_directory import RunDirectory
from fedmtl.training.evaluation import evaluate

IMAGES_PER_CLIENT = 2
"""Prediction pictures in the report."""


def evaluate_run(run: RunDirectory, split: str) -> list[Measurement]:
    """The model that every client leaves with, on the client's own images of `split`.

    Raises:
        DataError: no client has images of that split.
        RunError: there is no checkpoint.
    """
    measured = []
    newest = max(run.checkpoints.rounds(), default=0)
    for client, site in sorted(make_sites(run.scenario).items()):
        ids: tuple[str, ...] = getattr(site.share, split)
        if not ids:
            continue
        model, best = load(run.path, client), read_best(run.client_folder(client) / BEST)
        number = best.round if best else newest
        tasks = [task.thorough() for task in model.tasks.values()]
        dataset = ClientDataset(site.source, ids, tasks, site.data)
        result = evaluate(model.network, tasks, dataset, run.scenario.training.batch_size)
        for task in tasks:
            metrics = task.metrics(result.statistics[task.name])
            facts = metrics, task.metric, task.higher_is_better, len(ids)
            measured.append(Measurement(client, task.name, number, *facts))
    if not measured:
        raise DataError(f"no client of {run.path} has images of the split '{split}'")
    return measured


def prediction_panels(run: RunDirectory) -> list[Panel]:
    """A few validation images of every client, with labels beside predictions."""
    panels = []
    for client, site in sorted(make_sites(run.scenario).items()):
        model = load(run.path, client)
        step = max(1, len(site.share.val) // IMAGES_PER_CLIENT)
        panels += [_panel(model, site, sample_id) for sample_id in site.share.val[::step][:IMAGES_PER_CLIENT]]
    return panels


def group_table(run: RunDirectory) -> list[GroupInfo]:
    """The federation's parameter groups, shared and private, and who trains them."""
    header, _ = load_checkpoint(run.checkpoints)
    method = build_method(run.scenario.method)
    holders: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for client in sorted(header.clients):
        model = load_newest(run, client)
        for group, layout in GroupVectors(model.network).layouts.items():
            if model.network.role(group) is Role.train:
                holders.setdefault(group, []).append(client)
                sizes[group] = layout.size
    leaving = None if header.leaving is None else {Sum.parse(name).group for name in header.leaving}
    return [GroupInfo(g, _policy(method, g, leaving), sizes[g], holders[g]) for g in sorted(holders)]


def _policy(method: Method, group: str, leaving: Collection[str] | None) -> str:
    """Whether a group is shared or private, or at home: shared by the method, but in no domain by enough clients."""
    policy = method.policy(group)
    return (
        "home" if policy is Policy.shared and leaving is not None and group not in leaving else policy.value
    )


def _panel(model: TrainedModel, site: Site, sample_id: str) -> Panel:
    sample = site.source.load(sample_id, list(model.tasks))
    predictions = model.predict(sample.image)
    rows = []
    for name, task in model.tasks.items():
        label = sample.labels.get(name)
        drawn, said = (None, "") if label is None else (task.picture(label), task.words(label))
        prediction = predictions[name]
        predicted = task.picture(prediction, reference=label)
        rows.append(PanelRow(name, drawn, predicted, said, task.words(prediction)))
    return Panel(model.client, sample_id, _rgb(sample.image), rows)


def _rgb(image: NDArray[Any]) -> NDArray[np.uint8]:
    """An image of any sensor as a picture: its first three channels, or its first, stretched to 0…255."""
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return image
    shown = image[:, :, :3] if image.shape[2] >= 3 else np.repeat(image[:, :, :1], 3, axis=2)
    low, high = float(shown.min()), float(shown.max())
    return ((shown - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
