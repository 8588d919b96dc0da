from dataclasses import replace

import pytest

from fedmtl.config import ClientConfig
from fedmtl.config.privacy import NoiseKind
from simulations.benchmarks.privacy_utility import Setting, measure, settings, table
from tests.federations import tiny


def test_every_epsilon_is_tried_by_a_server_that_sees_sums_and_by_one_that_sees_noise_alone():
    assert settings([8.0]) == [
        Setting(False, NoiseKind.none, None),
        Setting(False, NoiseKind.central, 8.0),
        Setting(True, NoiseKind.none, None),
        Setting(True, NoiseKind.distributed, 8.0),
    ]


def test_rows_are_every_clients_with_the_change_from_training_alone():
    overrides = ("rounds=1", "checkpoint.every=0", "federation.evaluate_test=true", "data.partition.kind=iid")
    clients = {"home": ClientConfig(source="rooms", tasks=["depth"], copies=3)}
    base = replace(tiny(*overrides), clients=clients)
    rows = measure(base, ["fedavg"], [], jobs=1)
    assert {(row["client"], row["task"], row["metric"]) for row in rows} == {
        (f"home-{i}", "depth", "rmse") for i in range(3)
    }
    runs = {(row["method"], row["secure_sums"], row["epsilon"]) for row in rows}
    assert runs == {("local", False, 0.0), ("fedavg", False, None), ("fedavg", True, None)}
    assert all(row["delta"] == 0 for row in rows if row["method"] == "local")
    plain, secure = ([row["value"] for row in rows[3 * i : 3 * i + 3]] for i in (1, 2))
    assert secure == pytest.approx(plain, rel=1e-3)


def test_the_table_has_a_line_a_run_and_averages_over_clients():
    def row(method, epsilon, client, task, value, delta):
        named = {
            "method": method,
            "secure_sums": False,
            "noise": "central",
            "epsilon": epsilon,
            "client": client,
        }
        return {**named, "task": task, "metric": "mIoU", "value": value, "delta": delta}

    shown = table(
        [
            row("fedavg", 8.0, "a", "parts", 10.0, 4.0),
            row("fedavg", 8.0, "a", "semseg", 20.0, 2.0),
            row("fedavg", 8.0, "b", "parts", 30.0, -1.0),
            row("fedavg", None, "b", "parts", None, None),
        ]
    )
    # Over a client's tasks first: (3 − 1) / 2.
    assert shown == [
        {
            "method": "fedavg",
            "secure sums": "",
            "noise": "central",
            "ε": "8",
            "mean Δ %": 1.0,
            "parts mIoU": 20.0,
            "semseg mIoU": 20.0,
        },
        {
            "method": "fedavg",
            "secure sums": "",
            "noise": "central",
            "ε": "∞",
            "mean Δ %": None,
            "parts mIoU": None,
        },
    ]
