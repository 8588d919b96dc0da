"""Five clients under secure sums: groups are held by five, four, three, two and one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from flwr.app import Message

from fedmtl.aggregation import build_method
from fedmtl.checkpoints import from_tensors, load_checkpoint
from fedmtl.config import Plan
from fedmtl.exchange.layout import Vector
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from server.blueprint import Blueprint

FIVE = """
name: five
rounds: 1
data:
  sources:
    rooms: {kind: rooms, sites: 5, height: 32, width: 48, train: 4, val: 2, test: 2}
  image_size: [32, 48]
  partition: {kind: site}
clients:
  a: {source: rooms, sites: ["0"], tasks: [semseg, depth]}
  b: {source: rooms, sites: ["1"], tasks: [semseg, edge, saliency]}
  c: {source: rooms, sites: ["2"], tasks: [depth, semseg, room_type]}
  d: {source: rooms, sites: ["3"], tasks: [depth, semseg, edge]}
  e: {source: rooms, sites: ["4"], tasks: [semseg]}
model:
  backbone: {name: lcnet_035}
  adapter: {bottleneck: 4}
  attention: {channels: 8, heads: 2, points: 1}
training: {batch_size: 2, threads: 1, device: cpu}
privacy: {min_holders: 3, largest_weight: 16}
"""
"""semseg has five holders, depth three, edge two, saliency and room_type one each."""
CLIENTS = ("a", "b", "c", "d", "e")
SUMS = "privacy.secure_sums=true"


def create(path: Path, *overrides: str) -> RunDirectory:
    return RunDirectory.create(path, parse_scenario(FIVE, "five.yaml", overrides))


def client_of(asked: Message) -> str:
    """The client behind a message: nodes 2, 3, … hold the clients by name."""
    return CLIENTS[asked.metadata.dst_node_id - 2]


def furthest(one: RunDirectory, other: RunDirectory) -> float:
    """The largest difference of any value of two runs' newest models."""
    (_, mine), (_, theirs) = load_checkpoint(one.checkpoints), load_checkpoint(other.checkpoints)
    assert set(mine) == set(theirs)
    return max(float(np.abs(mine[name] - theirs[name]).max(initial=0)) for name in mine)


def groups_of(directory: RunDirectory) -> dict[str, Vector]:
    """The groups of a run's newest checkpoint, as they travel."""
    header, tensors = load_checkpoint(directory.checkpoints)
    plan, channels = Plan.of(directory.scenario), {client.channels for client in header.clients.values()}
    blueprint = Blueprint.build(plan, build_method(plan.method), header.tasks, channels)
    return from_tensors(tensors, blueprint.layouts)
