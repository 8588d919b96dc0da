"""Methods on the same scenario, by seed."""

import json
import shutil

import pytest

from fedmtl.errors import ConfigError, RunError
from fedmtl.run_directory import RunDirectory
from simulations.comparison import compare_methods
from tests.federations import events_of, tiny

SHORT = ("rounds=1", "data.sources.rooms.train=2", "data.sources.rooms.val=1")
METHODS, SEEDS = ("fedavg", "local"), (0, 1)
SCHEMA = {"method", "seed", "client", "task", "metric", "value", "higher_is_better", "split"}
TASKS = {("a", "depth"), ("a", "semseg"), ("b", "semseg"), ("c", "depth"), ("c", "room_type")}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    comparison, page = compare_methods(tiny(*SHORT), METHODS, SEEDS, folder)
    return folder, comparison, page


def test_results_have_a_row_for_every_method_seed_client_and_task(compared):
    folder, _, _ = compared
    rows = json.loads((folder / "results.json").read_text())["rows"]
    assert all(set(row) == SCHEMA for row in rows)
    assert {(row["method"], row["seed"], row["client"], row["task"]) for row in rows} == {
        (method, seed, *pair) for method in METHODS for seed in SEEDS for pair in TASKS
    }
    assert len(rows) == len(METHODS) * len(SEEDS) * len(TASKS)
    assert {row["split"] for row in rows} == {"val"}
    assert {(row["task"], row["metric"], row["higher_is_better"]) for row in rows} == {
        ("depth", "rmse", False),
        ("room_type", "accuracy", True),
        ("semseg", "mIoU", True),
    }


def test_rows_are_the_last_metrics_of_the_runs(compared):
    folder, _, _ = compared
    rows = json.loads((folder / "results.json").read_text())["rows"]
    for row in rows:
        run = RunDirectory.open(folder / f"{row['method']}-seed{row['seed']}")
        (event,) = events_of(
            run, "metric", client=row["client"], task=row["task"], metric=row["metric"], split="val"
        )
        assert event["value"] == row["value"]


def test_local_training_is_the_baseline_of_the_deltas(compared):
    _, comparison, page = compared
    assert comparison.baseline == "local"
    assert comparison.methods == ("local", "fedavg")
    by_method = {summary.method: summary for summary in comparison.summaries}
    assert by_method["local"].mean_delta is None
    assert by_method["fedavg"].mean_delta is not None
    assert all(line.entries[0].delta is None for line in comparison.lines)
    assert "fedavg" in page.read_text()


def test_runs_of_one_seed_begin_with_the_same_data_and_do_the_same_steps(compared):
    folder, _, _ = compared
    for seed in SEEDS:
        runs = [RunDirectory.open(folder / f"{method}-seed{seed}") for method in METHODS]
        one, other = ([(e["client"], e["steps"]) for e in events_of(run, "train")] for run in runs)
        assert one == other
        # The first loss is of the same initial weights and batches, whatever the method does later.
        one, other = (
            [(e["client"], e["task"], e["value"]) for e in events_of(run, "metric", split="train")]
            for run in runs
        )
        assert one == other


def test_finished_runs_are_not_trained_again(compared):
    folder, comparison, _ = compared
    logs = {path: path.read_bytes() for path in sorted(folder.glob("*/metrics.jsonl"))}
    assert len(logs) == 4
    again, _ = compare_methods(tiny(*SHORT), METHODS, SEEDS, folder)
    assert {path: path.read_bytes() for path in logs} == logs
    assert again == comparison


def test_another_method_joins_a_comparison_without_training_the_first_again(compared, tmp_path):
    folder = shutil.copytree(compared[0], tmp_path / "compared")
    log = (folder / "local-seed0" / "metrics.jsonl").read_bytes()
    again, _ = compare_methods(tiny(*SHORT), ["local", "fedbn"], [0], folder)
    assert again.methods == ("local", "fedbn")
    assert (folder / "local-seed0" / "metrics.jsonl").read_bytes() == log


def test_a_run_with_another_config_is_refused_and_untouched(compared):
    folder, _, _ = compared
    before = (folder / "fedavg-seed0" / "metrics.jsonl").read_bytes()
    with pytest.raises(RunError, match=r"fedavg-seed0 was run with another config; choose another folder"):
        compare_methods(tiny(*SHORT, "training.lr=0.1"), METHODS, SEEDS, folder)
    assert (folder / "fedavg-seed0" / "metrics.jsonl").read_bytes() == before


def test_unequal_budgets_are_refused_and_named(compared, tmp_path):
    """A log in which one method took another number of steps."""
    folder = shutil.copytree(compared[0], tmp_path / "compared")
    log = folder / "fedavg-seed1" / "metrics.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for event in lines:
        if (event["event"], event.get("client")) == ("train", "c"):
            event["steps"] = 7
    log.write_text("".join(json.dumps(event) + "\n" for event in lines))
    with pytest.raises(RunError, match=r"seed 1, 'c' took in round 1 different steps \(local 1, fedavg 7\)"):
        compare_methods(tiny(*SHORT), METHODS, SEEDS, folder)


def test_an_unknown_method_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(ConfigError, match="unknown method 'fedavgg': did you mean 'fedavg'"):
        compare_methods(tiny(*SHORT), ["local", "fedavgg"], [0], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_options_of_the_scenarios_own_method_stay_with_it(tmp_path):
    base = tiny(*SHORT, "method={name: fedprox, mu: 0.5}")
    compare_methods(base, ["fedprox"], [0], tmp_path)
    assert RunDirectory.open(tmp_path / "fedprox-seed0").scenario.method == {"name": "fedprox", "mu": 0.5}
