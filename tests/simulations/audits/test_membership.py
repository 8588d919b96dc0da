"""Membership inference on runs: over-fitted models tell, and who never saw an image has nothing to tell."""

import numpy as np
import pytest

from clients.site import make_sites
from fedmtl.errors import ConfigError, RunError
from fedmtl.loading import load_newest
from fedmtl.privacy.audits.operating_points import auc
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from simulations.audits.membership import Membership, _losses, _others, _score, verdict
from simulations.inprocess import run_inprocess

LEARNED = """
name: learned
rounds: 3
data:
  sources:
    rooms: {kind: rooms, sites: 1, height: 32, width: 48, train: 40, val: 2}
  image_size: [32, 48]
  augment: {flip: false, color: 0.0}
clients:
  a: {source: rooms, tasks: [semseg], train_images: 6}
  b: {source: rooms, tasks: [semseg], train_images: 6}
model:
  backbone: {name: lcnet_035, norm: group}
  adapter: {bottleneck: 4}
  attention: {channels: 8, heads: 2, points: 1}
method: {name: local}
training: {batch_size: 3, epochs: 16, lr: 0.005, schedule: constant, threads: 1, device: cpu}
federation: {evaluate_every: 0}
checkpoint: {every: 0}
"""


def learned(*overrides):
    return parse_scenario(LEARNED, "learned.yaml", overrides)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = RunDirectory.create(tmp_path_factory.mktemp("learned") / "run", learned())
    run_inprocess(directory)
    return directory


@pytest.fixture(scope="module")
def found(run, tmp_path_factory):
    audit = Membership(reference=str(run.path), rate=0.1)
    return audit.examine(run.scenario, run, tmp_path_factory.mktemp("audit"))


def test_images_that_were_learned_by_heart_are_told_from_undealt_ones(found):
    rows = {(row["client"], row["attack"]): row for row in found.rows}
    assert set(rows) == {(client, attack) for client in "ab" for attack in ("loss", "calibrated")}
    for row in rows.values():
        assert row["AUC from"] > 0.5
        assert row["AUC from"] <= row["AUC"] <= row["AUC to"]
        assert row["members"] == 6
        assert row["others"] == "28 undealt"
    assert "can be told" in found.verdict


def test_the_images_of_another_client_are_not_told_from_undealt_ones(run):
    """Nor is anything else about them: b's model never saw what a was dealt."""
    sites = make_sites(run.scenario)
    others, _ = _others(sites["a"], sites)
    model = load_newest(run, "b")
    scores = [
        _score(each, each)
        for each in (_losses(model, sites["a"], i) for i in (sites["a"].share.train, others))
    ]
    found = auc(*scores)
    assert found.low <= 0.5 <= found.high


def test_a_reference_that_holds_other_images_is_refused(run, tmp_path):
    with pytest.raises(ConfigError, match="other images"):
        Membership(reference=str(run.path)).examine(learned("clients.a.train_images=5"), run, tmp_path)


def test_a_scenario_and_a_reference_that_learned_together_are_refused(run, straight, tmp_path):
    with pytest.raises(RunError, match="finished run"):
        Membership().examine(run.scenario, None, tmp_path)
    with pytest.raises(ConfigError, match=r"method\.name=local"):
        Membership(reference=str(straight.path)).examine(straight.scenario, straight, tmp_path)


def test_scores_add_up_tasks_and_leave_images_without_labels_out():
    losses = {"x": np.array([1.0, np.nan, np.nan]), "y": np.array([2.0, 3.0, np.nan])}
    np.testing.assert_array_equal(_score(losses, losses), [-3.0, -3.0])


def test_a_verdict_needs_an_interval_above_a_guess():
    row = {"client": "a", "attack": "loss", "AUC": 0.6, "AUC from": 0.45, "AUC to": 0.7}
    assert verdict([row]).startswith("Of no client")
    told = verdict([{**row, "AUC from": 0.55}])
    assert "'a' by 'loss'" in told
    assert "By chance" in told  # each interval is at 95 %, however many clients there are
