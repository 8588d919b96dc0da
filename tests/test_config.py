"""The tree is its own documentation, and all of it can be written as YAML."""

import dataclasses

import pytest
from omegaconf import MISSING, OmegaConf

from fedmtl import config
from fedmtl.config import ClientConfig, Plan, Scenario, TaskConfig

TREES = [kind for name in config.__all__ if dataclasses.is_dataclass(kind := getattr(config, name))]


@pytest.mark.parametrize("kind", TREES, ids=lambda kind: kind.__name__)
def test_every_part_is_a_structured_config_of_its_own(kind):
    tree = OmegaConf.structured(kind)
    assert set(tree) == {field.name for field in dataclasses.fields(kind)}


def test_only_names_sources_and_budgets_have_no_default():
    needed = {
        (kind.__name__, field.name)
        for kind in TREES
        for field in dataclasses.fields(kind)
        if field.default == MISSING
    }
    assert needed == {("Scenario", "name"), ("ClientConfig", "source"), ("ExamplePrivacyConfig", "epsilon")}


def test_a_plan_shares_what_has_to_be_the_same_everywhere():
    scenario = Scenario(name="x", seed=4, clients={"a": ClientConfig("s")}, tasks={"depth": TaskConfig(2.0)})
    scenario.data.image_size = (32, 48)
    plan = Plan.of(scenario)
    assert (plan.seed, plan.rounds, plan.image_size) == (4, scenario.rounds, (32, 48))
    for part in ("tasks", "model", "training", "method"):
        assert getattr(plan, part) is getattr(scenario, part)
    assert plan.augment is scenario.data.augment
    assert plan.resize is scenario.data.resize
