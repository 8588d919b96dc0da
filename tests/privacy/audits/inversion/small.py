"""A federation that is quick to attack: a small network, and rendered rooms of 32×32."""

from fedmtl.privacy.audits.inversion.victim import gradient_of
from fedmtl.scenario import parse_scenario
from simulations.audits.one_step import smallest, take_steps

SMALL = """
name: small
rounds: 2
data:
  sources:
    rooms: {kind: rooms, sites: 1, height: 32, width: 32, train: 10, val: 2}
  image_size: [32, 32]
clients:
  a: {source: rooms, tasks: [semseg], train_images: 1, copies: 10}
model:
  backbone: {name: test_vit}
  adapter: {bottleneck: 4}
  attention: {channels: 16, heads: 2, points: 1}
training: {optimizer: sgd, lr: 0.1, threads: 1, device: cpu}
"""
"""Patches of 16 pixels at 64 channels: four of them, and more than enough equations."""
CONVOLUTIONS = ("model.backbone.name=convnext_atto", "model.backbone.levels=[0]")
"""The same with a network that has no places of patches, but one smooth stage."""


def small(*overrides):
    return parse_scenario(SMALL, "small.yaml", overrides)


def attacked(folder, *overrides):
    """A client's step, and the gradient that its update gives away."""
    scenario = smallest(small(*overrides))
    (step,) = take_steps(scenario, 1, folder)
    return step, gradient_of(step.updates, step.vectors, scenario.training.lr)
