from math import nan

import pytest

from fedmtl.reporting.deltas import mean_delta
from fedmtl.reporting.measured import Measurement, beside, measured_table


def measured(client, task, value, better=True):
    return Measurement(client, task, 3, {"other": 1.0, "first": value}, "first", better, 5)


def test_changes_are_of_the_first_metric_and_of_the_same_client_and_task():
    runs = [
        measured("a", "x", 44.0),
        measured("a", "y", 0.9, False),
        measured("b", "x", nan),
        measured("c", "x", 1.0),
    ]
    baseline = [measured("a", "x", 40.0), measured("a", "y", 1.0, False), measured("b", "x", 1.0)]
    deltas = [each.delta for each in beside(runs, baseline)]
    assert deltas[:2] == pytest.approx([10.0, 10.0])
    assert deltas[2:] == [None, None]


def test_the_mean_is_over_tasks_and_then_over_clients():
    rows = [{"client": "a", "delta": 1.0}, {"client": "a", "delta": 3.0}, {"client": "b", "delta": -4.0}]
    assert mean_delta(rows) == -1.0
    assert mean_delta([{"client": "a", "delta": None}]) is None


def test_a_table_has_changes_where_there_is_a_baseline():
    one = measured("a", "x", 44.0)
    assert [column.header for column in measured_table([one], "t", deltas=True).columns][-2:] == [
        "Δ %",
        "metrics",
    ]
    table = measured_table([one], "t", deltas=False)
    assert [column.header for column in table.columns] == ["client", "task", "round", "images", "metrics"]
    assert list(table.columns[-1].cells) == ["first 44  other 1"]


def test_a_row_is_flat():
    row = measured("a", "x", 44.0).row("val")
    assert (row["client"], row["split"], row["images"], row["first"]) == ("a", "val", 5, 44.0)
