"""Methods on the same scenario, by seed."""

import json
import shutil

import pytest

from fedmtl.best_model import BEST, read_best
from fedmtl.errors import ConfigError, RunError
from fedmtl.run_directory import RunDirectory
from simulations.comparison import compare_methods
from tests.federations import events_of, tiny

SHORT = ("rounds=2", "data.sources.rooms.train=3", "data.sources.rooms.val=1", "data.holdout=0.34")
BOTH_SPLITS = (*SHORT, "federation.evaluate_test=true")
METHODS, SEEDS = ("fedavg", "local"), (0, 1)
SCHEMA = {"method", "seed", "client", "task", "metric", "value", "higher_is_better", "split"}
TASKS = {("a", "depth"), ("a", "semseg"), ("b", "semseg"), ("c", "depth"), ("c", "room_type")}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    comparison, page = compare_methods(tiny(*BOTH_SPLITS), METHODS, SEEDS, folder)
    return folder, comparison, page


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_results_have_a_row_for_every_method_seed_client_task_and_split(compared):
    rows = results(compared[0])["rows"]
    assert all(set(row) == SCHEMA for row in rows)
    assert {(row["method"], row["seed"], row["client"], row["task"], row["split"]) for row in rows} == {
        (method, seed, *pair, split)
        for method in METHODS
        for seed in SEEDS
        for pair in TASKS
        for split in ("val", "test")
    }
    assert len(rows) == len(METHODS) * len(SEEDS) * len(TASKS) * 2
    assert {(row["task"], row["metric"], row["higher_is_better"]) for row in rows} == {
        ("depth", "rmse", False),
        ("room_type", "accuracy", True),
        ("semseg", "mIoU", True),
    }


def test_local_counts_at_each_clients_best_round_and_others_at_the_last(compared):
    folder, comparison, _ = compared
    chosen = {(row["seed"], row["client"]): row["round"] for row in results(folder)["local_rounds"]}
    assert chosen == dict(comparison.selection.rounds)
    assert set(chosen) == {(seed, client) for seed in SEEDS for client in "abc"}
    for row in results(folder)["rows"]:
        run = RunDirectory.open(folder / f"{row['method']}-seed{row['seed']}")
        number = chosen.get((row["seed"], row["client"]), 2) if row["method"] == "local" else 2
        keys = {key: row[key] for key in ("client", "task", "metric", "split")}
        (event,) = events_of(run, "metric", round=number, **keys)
        assert event["value"] == row["value"]


def test_what_clients_leave_with_is_in_the_results(compared):
    folder, comparison, page = compared
    found = results(folder)
    assert [(row["method"], row["seed"], row["client"]) for row in found["leaving"]] == [
        ("fedavg", seed, client) for seed in SEEDS for client in "abc"
    ]
    for row in found["leaving"]:
        # It is what the client itself kept.
        run = RunDirectory.open(folder / f"fedavg-seed{row['seed']}")
        kept = read_best(run.client_folder(row["client"]) / BEST)
        assert row["fell_back"] or row["round"] == kept.round
    local, fedavg = found["summaries"]
    assert "leaving" not in local
    leaving = comparison.summaries[1].leaving
    assert fedavg["leaving"]["mean_delta"]["mean"] == leaving.mean_delta.mean
    assert fedavg["leaving"]["fell_back"] == [sum(row["fell_back"] for row in found["leaving"]), 6]
    assert "What clients leave with" in page.read_text()


def test_the_test_images_are_compared_where_they_are_measured(compared):
    folder, comparison, page = compared
    assert comparison.split == "test"
    (line,) = [line for line in comparison.lines if (line.client, line.task) == ("a", "depth")]
    of_fedavg = [
        row["value"]
        for row in results(folder)["rows"]
        if [row[key] for key in ("method", "client", "task", "split")] == ["fedavg", "a", "depth", "test"]
    ]
    assert line.entries[1].value.mean == pytest.approx(sum(of_fedavg) / 2)
    assert "Test images: local at each client&#39;s best round on validation" in page.read_text()


def test_without_test_images_validation_is_compared(tmp_path):
    comparison, _ = compare_methods(tiny(*SHORT, "rounds=1"), ["local"], [0], tmp_path)
    assert comparison.split == "val"
    assert {row["split"] for row in results(tmp_path)["rows"]} == {"val"}
    assert "generous to local" in comparison.rule


def test_local_training_is_the_baseline_of_the_deltas(compared):
    _, comparison, page = compared
    assert comparison.baseline == "local"
    assert comparison.methods == ("local", "fedavg")
    by_method = {summary.method: summary for summary in comparison.summaries}
    assert by_method["local"].mean_delta is None
    assert by_method["fedavg"].mean_delta is not None
    assert all(line.entries[0].delta is None for line in comparison.lines)
    assert by_method["fedavg"].secure_sums is True
    assert "fedavg" in page.read_text()


def test_runs_of_one_seed_begin_with_the_same_data_and_do_the_same_steps(compared):
    folder, _, _ = compared
    for seed in SEEDS:
        runs = [RunDirectory.open(folder / f"{method}-seed{seed}") for method in METHODS]
        one, other = ([(e["client"], e["steps"]) for e in events_of(run, "train")] for run in runs)
        assert one == other
        # The first loss is of the same initial weights and batches, whatever the method does later.
        one, other = (
            [(e["client"], e["task"], e["value"]) for e in events_of(run, "metric", split="train", round=1)]
            for run in runs
        )
        assert one == other


def test_finished_runs_are_not_trained_again(compared):
    folder, comparison, _ = compared
    logs = {path: path.read_bytes() for path in sorted(folder.glob("*/metrics.jsonl"))}
    assert len(logs) == 4
    again, _ = compare_methods(tiny(*BOTH_SPLITS), METHODS, SEEDS, folder)
    assert {path: path.read_bytes() for path in logs} == logs
    assert again == comparison


def test_another_method_joins_a_comparison_without_training_the_first_again(compared, tmp_path):
    folder = shutil.copytree(compared[0], tmp_path / "compared")
    log = (folder / "local-seed0" / "metrics.jsonl").read_bytes()
    again, _ = compare_methods(tiny(*BOTH_SPLITS), ["local", "fedprox(mu=0.5)"], [0], folder)
    assert again.methods == ("local", "fedprox(mu=0.5)")
    assert (folder / "local-seed0" / "metrics.jsonl").read_bytes() == log
    method = RunDirectory.open(folder / "fedprox-mu-0.5-seed0").scenario.method
    assert method == {"name": "fedprox", "mu": 0.5}


def test_a_run_with_another_config_is_refused_and_untouched(compared):
    folder, _, _ = compared
    before = (folder / "fedavg-seed0" / "metrics.jsonl").read_bytes()
    with pytest.raises(RunError, match=r"fedavg-seed0 was run with another config; choose another folder"):
        compare_methods(tiny(*BOTH_SPLITS, "training.lr=0.1"), METHODS, SEEDS, folder)
    assert (folder / "fedavg-seed0" / "metrics.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("methods", "override", "message"),
    [
        (["local", "fedavgg"], "rounds=1", "unknown method 'fedavgg': did you mean 'fedavg'"),
        (["local", "fedprox(muu=1)"], "rounds=1", "method.muu: method 'fedprox' has no such option"),
        (["local"], "federation.evaluate_every=0", "is 0, but local counts at its best round"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(methods, override, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        compare_methods(tiny(*SHORT, override), methods, [0], tmp_path / "none")
    assert not (tmp_path / "none").exists()
