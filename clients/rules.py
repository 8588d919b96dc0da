"""What a site accepts of a server's plan. Everything that a server can say about a run goes through here.

A plan is data, but some of its words have power: a method may be called by an import path, a backbone by a path or a
repository, weights by a file; an interpolation reads the environment; and sizes can use up a machine. A site takes
words that its own fedmtl knows, and sizes that a site can have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import timm
import yaml

from fedmtl.aggregation import METHODS
from fedmtl.config import Plan
from fedmtl.config.privacy import PrivacyConfig
from fedmtl.deployment.site import Limits
from fedmtl.errors import RefusalError
from fedmtl.exchange.messages import Federation
from fedmtl.scenario import parse_plan
from fedmtl.tasks import TaskSpec

LONGEST_PLAN = 20_000
"""Characters; ours have 1,000."""
MOST_BRACKETS = 500
"""Reading nested ones takes time that grows with their square."""
MOST_TASKS = 100
MOST_CLASSES = 10_000
"""Of all tasks together."""
LARGEST_BATCH = 2**27
"""Pixels: 128 images of 1024 x 1024."""


@dataclass(frozen=True)
class Rules:
    """One site's own part of every plan, and its limits.

    Attributes:
        tasks: those that it offers.
        device: where it computes, whatever a plan says.
        threads: of torch, whatever a plan says.
    """

    limits: Limits
    tasks: tuple[TaskSpec, ...]
    device: str
    threads: int

    def plan(self, federation: Federation) -> Plan:
        """The federation's plan as this site follows it.

        Raises:
            ConfigError: it is no plan that this version of fedmtl knows.
            RefusalError: the site does not do that.
        """
        _check_text(federation.plan)
        plan = parse_plan(federation.plan)
        self._check_tasks(federation.tasks)
        self._check_method(plan)
        self._check_privacy(plan.privacy)
        self._check_backbone(plan)
        for key, value, low, high in _sizes(plan):
            if not low <= value <= high:
                raise RefusalError(
                    "size", f"the server's plan: {key} is {value}; a site takes {low} to {high}"
                )
        return replace(plan, training=replace(plan.training, device=self.device, threads=self.threads))

    def check_counted(self) -> None:
        """Refuse to say how many images there are, where the site takes part under secure sums alone.

        Raises:
            RefusalError: it does.
        """
        if self.limits.secure_sums:
            raise RefusalError("secure-sums", "limits.secure_sums: the server asks how many images there are")

    def check_leaving(self, groups: Iterable[str]) -> None:
        """Refuse a run in which one of these groups would leave, though it must not.

        Raises:
            RefusalError: it would.
        """
        for group in groups:
            if pattern := next((p for p in self.limits.private if fnmatchcase(group, p)), None):
                raise RefusalError(
                    "private-groups",
                    f"limits.private: the run would send group '{group}', which '{pattern}' keeps here",
                )

    def _check_tasks(self, table: tuple[TaskSpec, ...]) -> None:
        if len(table) > MOST_TASKS or sum(len(spec.classes) for spec in table) > MOST_CLASSES:
            raise RefusalError("tasks", "the server's federation has more tasks or classes than any real one")
        for spec in table:
            if ":" in spec.kind:
                raise RefusalError(
                    "tasks", f"the server's task '{spec.name}' has an import path for its kind"
                )
        known = {spec.name: spec for spec in table}
        if len(known) < len(table):
            raise RefusalError("tasks", "the server's federation has a task twice")
        for spec in self.tasks:
            if known.get(spec.name) != spec:
                raise RefusalError(
                    "tasks", f"the server's federation has another task '{spec.name}', or none"
                )

    def _check_method(self, plan: Plan) -> None:
        name = str(plan.method.get("name"))
        if name not in METHODS:
            raise RefusalError("method", f"the server's method '{name}' is none that is installed here")
        if self.limits.methods and name not in self.limits.methods:
            raise RefusalError(
                "method", f"limits.methods: '{name}' is not among those that this site takes part in"
            )

    def _check_privacy(self, privacy: PrivacyConfig) -> None:
        if self.limits.secure_sums and not privacy.secure_sums:
            raise RefusalError("secure-sums", "limits.secure_sums: the server asks for updates in clear")
        if privacy.least_holders < self.limits.min_holders:
            raise RefusalError(
                "min-holders",
                f"limits.min_holders: groups of {privacy.least_holders} clients would leave, and this site wants "
                f"{self.limits.min_holders}",
            )

    def _check_backbone(self, plan: Plan) -> None:
        backbone = plan.model.backbone
        # timm also takes the name of a repository (hf-hub:…) or of a folder (local-dir:…).
        if any(sign in backbone.name for sign in ":/\\") or not timm.is_model(backbone.name):
            raise RefusalError(
                "backbone", f"the server's backbone '{backbone.name}' is none of timm's models"
            )
        if backbone.weights not in self.limits.weights:
            raise RefusalError(
                "weights", f"limits.weights: '{backbone.weights}' is not among those that this site loads"
            )


def _check_text(text: str) -> None:
    if len(text) > LONGEST_PLAN or text.count("[") + text.count("{") > MOST_BRACKETS:
        raise RefusalError(
            "plan", f"the server's plan has {len(text)} characters, or brackets beyond any need"
        )
    if "${" in text:
        raise RefusalError(
            "plan", "the server's plan has an interpolation, which could read what is this site's"
        )
    try:
        aliases = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise RefusalError("plan", "the server's plan is not valid YAML") from error
    if aliases:
        raise RefusalError(
            "plan", "the server's plan has aliases, by which a short text can become a huge one"
        )


def _sizes(plan: Plan) -> Iterator[tuple[str, float, float, float]]:
    """(key, value, the least and the most that a site takes) of everything that memory or time depends on."""
    height, width = plan.image_size
    yield "rounds", plan.rounds, 1, 10**6
    yield "image_size[0]", height, 1, 8192
    yield "image_size[1]", width, 1, 8192
    training, model = plan.training, plan.model
    yield "training.epochs", training.epochs, 1, 1000
    yield "training.accumulate", training.accumulate, 1, 10_000
    yield "training.batch_size", training.batch_size, 1, 10_000
    yield "pixels of a batch", training.batch_size * height * width, 1, LARGEST_BATCH
    yield "training.lr", training.lr, 0, 1e6
    yield "training.backbone_lr_scale", training.backbone_lr_scale, 0, 1e6
    yield "training.weight_decay", training.weight_decay, 0, 1e6
    yield "training.clip_norm", training.clip_norm, 0, math.inf
    yield "training.momentum", training.momentum, 0, 1
    yield "training.warmup", training.warmup, 0, 1
    yield "model.backbone.levels", len(model.backbone.levels), 0, 16
    yield "model.adapter.bottleneck", model.adapter.bottleneck, 1, 4096
    yield "model.adapter.top_k", model.adapter.top_k, 1, MOST_TASKS
    yield "model.attention.channels", model.attention.channels, 1, 4096
    yield "model.attention.heads", model.attention.heads, 1, 256
    yield "model.attention.points", model.attention.points, 1, 256
    yield "model.attention.pool", model.attention.pool, 1, 256
    yield "model.attention.stride", model.attention.stride, 1, 256
    yield "model.attention.top_k", model.attention.top_k, 0, MOST_TASKS
    yield "privacy.min_holders", plan.privacy.least_holders, 3 if plan.privacy.secure_sums else 1, 10**6
    yield "privacy.largest_change", plan.privacy.largest_change, 1e-6, 1e6
    yield "privacy.largest_weight", plan.privacy.largest_weight, 1, 10**9
    yield "augment.color", plan.augment.color, 0, 10
    yield "augment.rotation", plan.augment.rotation, 0, 180
    low, high = plan.augment.scale
    yield "augment.scale[0]", low, 0.1, 10
    yield "augment.scale[1]", high, low, 10
    for name, task in plan.tasks.items():
        yield f"tasks.{name}.weight", task.weight or 0.0, 0, 1e6
