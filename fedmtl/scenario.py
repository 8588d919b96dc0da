"""Reading a scenario: a YAML file, then key=value overrides, into the dataclass tree of `fedmtl.config`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fedmtl.config import Plan, Scenario
from fedmtl.config.privacy import LEAST_HOLDERS, PrivacyConfig
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.privacy.client_settings import broken_client_privacy
from fedmtl.privacy.example_level import broken_rules
from fedmtl.structured import merge, read_options, read_text, read_tree, resolve, yaml_errors

_NAME = re.compile(r"\w[\w.-]*")
"""Of runs and clients: their files are called by it."""


def load_scenario(path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Read `path`, apply `overrides` (`key.sub=value`), and check the whole.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, a value has the wrong type or range; names the
            key, the file or override that set it, and the nearest right one.
    """
    return parse_scenario(read_text(path), str(path), overrides)


def parse_scenario(text: str, where: str = "scenario", overrides: Sequence[str] = ()) -> Scenario:
    """As `load_scenario`, from text; `where` is what messages call it."""
    tree = merge(_schema(Scenario), read_tree(text, where), where)
    for override in overrides:
        tree = merge(tree, read_options([override], "override"), f"override '{override}'")
    if overrides:
        where = f"{where} with {' '.join(overrides)}"
    with yaml_errors(where):
        # Absolute, because a run may be resumed from another folder than the one it was started in.
        tree.data_root = os.path.abspath(tree.data_root)
    scenario = resolve(tree, Scenario, where)
    for key, broken in _broken_rules(scenario):
        raise ConfigError(f"{where}: {key} {broken}")
    return scenario


def to_yaml(config: Scenario | Plan) -> str:
    """A resolved config as YAML; of a scenario, it is enough to repeat the run."""
    return OmegaConf.to_yaml(OmegaConf.structured(config), resolve=True)


def parse_plan(text: str) -> Plan:
    """The inverse of `to_yaml` for a plan.

    Raises:
        ConfigError: the text is no plan that this version of fedmtl knows.
    """
    return deepcopy(_parsed_plan(text))


@lru_cache(maxsize=8)
def _parsed_plan(text: str) -> Plan:
    """A plan that nobody may change: every client of a simulation is told the same one, and is asked twice."""
    where = "the server's plan"
    return resolve(merge(_schema(Plan), read_tree(text, where), where), Plan, where)


@lru_cache
def _schema(kind: type[Scenario | Plan]) -> DictConfig:
    """The tree of a config's defaults, to be merged and not changed; making one takes longer than copying it."""
    schema: DictConfig = OmegaConf.structured(kind)
    return schema


def _broken_rules(scenario: Scenario) -> Iterable[tuple[str, str]]:
    """What types alone cannot say: (key, the end of a sentence) for each rule that does not hold."""
    yield from _out_of_range(scenario)
    yield from _misnamed(scenario)
    for name, client in scenario.clients.items():
        for key, broken in broken_rules(client.privacy):
            yield f"clients.{name}.{key}", broken
        if client.source not in scenario.data.sources:
            hint = did_you_mean(client.source, scenario.data.sources)
            yield f"clients.{name}.source", f"names no source '{client.source}'; {hint}"
    for name, options in scenario.data.sources.items():
        if not isinstance(options.get("kind"), str):
            yield f"data.sources.{name}.kind", "is not set"
    if not isinstance(scenario.method.get("name"), str):
        yield "method.name", "is not set"
    yield from _broken_privacy(scenario.privacy)


def _out_of_range(scenario: Scenario) -> Iterable[tuple[str, str]]:
    for key, value in _at_least_one(scenario).items():
        if not value >= 1:
            yield key, f"must be at least 1, not {value}"
    for key, value in _not_negative(scenario).items():
        if not 0 <= value < math.inf:
            yield key, f"must be 0 or more, and finite, not {value}"
    for name, client in scenario.clients.items():
        if not 0 < client.share < math.inf:
            yield f"clients.{name}.share", f"must be above 0, and finite, not {client.share}"
    if not 0 < scenario.federation.fraction <= 1:
        yield "federation.fraction", f"must be in (0, 1], not {scenario.federation.fraction}"
    if not scenario.federation.round_timeout > 0:
        yield "federation.round_timeout", f"must be above 0 seconds, not {scenario.federation.round_timeout}"
    if not 0 <= scenario.training.momentum < 1:
        yield "training.momentum", f"must be in [0, 1), not {scenario.training.momentum}"
    if not 0 <= scenario.training.warmup < 1:
        yield "training.warmup", f"must be in [0, 1), not {scenario.training.warmup}"
    if not 0 <= scenario.data.holdout < 1:
        yield "data.holdout", f"must be in [0, 1), not {scenario.data.holdout}"
    if not scenario.data.partition.alpha > 0:
        yield "data.partition.alpha", f"must be above 0, not {scenario.data.partition.alpha}"
    if not 0 <= scenario.data.augment.rotation <= 180:
        yield (
            "data.augment.rotation",
            f"must be from 0 to 180 degrees, not {scenario.data.augment.rotation}",
        )
    low, high = scenario.data.augment.scale
    if not 0 < low <= high:
        yield "data.augment.scale", f"must be a rising range above 0, not [{low}, {high}]"


def _at_least_one(scenario: Scenario) -> dict[str, float]:
    return {
        "rounds": scenario.rounds,
        "training.epochs": scenario.training.epochs,
        "training.batch_size": scenario.training.batch_size,
        "training.accumulate": scenario.training.accumulate,
        "checkpoint.keep": scenario.checkpoint.keep,
        "data.image_size[0]": scenario.data.image_size[0],
        "data.image_size[1]": scenario.data.image_size[1],
        "model.adapter.bottleneck": scenario.model.adapter.bottleneck,
        "model.adapter.top_k": scenario.model.adapter.top_k,
        "model.attention.channels": scenario.model.attention.channels,
        "model.attention.heads": scenario.model.attention.heads,
        "model.attention.points": scenario.model.attention.points,
        "model.attention.pool": scenario.model.attention.pool,
        "model.attention.stride": scenario.model.attention.stride,
        **{f"clients.{name}.copies": client.copies for name, client in scenario.clients.items()},
    }


def _not_negative(scenario: Scenario) -> dict[str, float]:
    return {
        "training.lr": scenario.training.lr,
        "training.backbone_lr_scale": scenario.training.backbone_lr_scale,
        "training.weight_decay": scenario.training.weight_decay,
        "training.clip_norm": scenario.training.clip_norm,
        "training.threads": scenario.training.threads,
        "model.adapter.balance_weight": scenario.model.adapter.balance_weight,
        "model.adapter.z_weight": scenario.model.adapter.z_weight,
        "model.adapter.overlap_weight": scenario.model.adapter.overlap_weight,
        "model.attention.top_k": scenario.model.attention.top_k,
        "model.attention.balance_weight": scenario.model.attention.balance_weight,
        "data.workers": scenario.data.workers,
        "data.augment.color": scenario.data.augment.color,
        "federation.min_clients": scenario.federation.min_clients,
        "federation.evaluate_every": scenario.federation.evaluate_every,
        "checkpoint.every": scenario.checkpoint.every,
        **{f"tasks.{name}.weight": task.weight or 0.0 for name, task in scenario.tasks.items()},
    }


def _misnamed(scenario: Scenario) -> Iterable[tuple[str, str]]:
    """Names are parts of files' names and of parameter groups'."""
    rule = "letters and digits, and . _ - after the first, not"
    if not _NAME.fullmatch(scenario.name):
        yield "name", f"must be {rule} '{scenario.name}'"
    for name, client in scenario.clients.items():
        if not _NAME.fullmatch(name):
            yield "clients", f"must be named by {rule} '{name}'"
        if client.domain and not _NAME.fullmatch(client.domain):
            yield f"clients.{name}.domain", f"must be {rule} '{client.domain}'"
    for name in scenario.data.sources:
        if not _NAME.fullmatch(name):
            yield "data.sources", f"must be named by {rule} '{name}'"


def _broken_privacy(privacy: PrivacyConfig) -> Iterable[tuple[str, str]]:
    least = LEAST_HOLDERS if privacy.secure_sums else 1
    if privacy.least_holders < least:
        under = " with privacy.secure_sums" if privacy.secure_sums else ""
        yield "privacy.min_holders", f"must be at least {least}{under}, not {privacy.min_holders}"
    if not 0 < privacy.largest_change < math.inf:
        yield "privacy.largest_change", f"must be above 0, and finite, not {privacy.largest_change}"
    if privacy.largest_weight < 1:
        yield "privacy.largest_weight", f"must be at least 1, not {privacy.largest_weight}"
    yield from broken_client_privacy(privacy)
