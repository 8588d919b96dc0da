import pytest

from fedmtl.reporting.events import Event
from fedmtl.reporting.history import History
from fedmtl.reporting.table import POOLED, delta_percent, result_table
from tests.reporting import synthetic


def _metric(client: str | None, task: str, value: float, number: int = 1) -> Event:
    _, metric, better, *_ = synthetic.TASKS[task]
    labels = {"task": task, "metric": metric, "split": "val", "primary": True, "higher_is_better": better}
    return {"event": "metric", "round": number, "client": client, "value": value, "time": "", **labels}


def _history(*metrics: Event) -> History:
    return History.of([{**synthetic.start(), "time": ""}, *metrics])


@pytest.mark.parametrize(
    ("value", "baseline", "higher_is_better", "expected"),
    [
        (44.0, 40.0, True, 10.0),
        (36.0, 40.0, True, -10.0),
        (0.45, 0.5, False, 10.0),
        (0.55, 0.5, False, -10.0),
    ],
)
def test_delta_is_positive_where_better(value, baseline, higher_is_better, expected):
    assert delta_percent(value, baseline, higher_is_better) == pytest.approx(expected)


@pytest.mark.parametrize("baseline", [None, 0.0])
def test_delta_needs_a_baseline(baseline):
    assert delta_percent(1.0, baseline, True) is None


def test_means_by_hand():
    history = _history(
        _metric("room-0", "depth", 0.45),
        _metric("room-0", "normals", 30.0),
        _metric("street-0", "semseg", 22.0),
    )
    baseline = {("room-0", "depth"): 0.5, ("room-0", "normals"): 25.0, ("street-0", "semseg"): 20.0}
    table = result_table(history, baseline)
    assert [column.task for column in table.columns] == ["depth", "normals", "semseg"]
    deltas = {row.client: row.mean_delta for row in table.rows}
    assert deltas == pytest.approx({"room-0": (10 - 20) / 2, "street-0": 10.0})
    assert table.mean_delta == pytest.approx(2.5)
    assert table.worst.client == "room-0"


def test_cell_is_the_latest_value_and_says_when():
    history = _history(
        _metric("room-0", "depth", 0.9, 1),
        _metric("room-0", "depth", 0.8, 2),
        _metric("room-1", "depth", 0.7, 1),
    )
    table = result_table(history)
    assert [(row.cells[0].value, row.cells[0].round) for row in table.rows] == [(0.8, 2), (0.7, 1)]
    assert table.last_round == 2


def test_without_a_baseline_there_are_no_changes(history):
    table = result_table(history)
    assert table.baseline is None
    assert table.mean_delta is None
    assert table.worst is None


def test_part_of_a_baseline_is_used():
    history = _history(_metric("room-0", "depth", 0.45), _metric("room-1", "depth", 0.45))
    table = result_table(history, {("room-0", "depth"): 0.5}, "round 0")
    assert table.baseline == "round 0"
    assert [row.mean_delta for row in table.rows] == [pytest.approx(10), None]
    assert table.mean_delta == pytest.approx(10)


def test_pooled_row_is_last_and_uncompared(history):
    table = result_table(history, synthetic.local_baseline())
    assert table.rows[-1].client == POOLED
    assert table.rows[-1].pooled
    assert table.rows[-1].mean_delta is None
    assert len(table.rows) == 1 + len(synthetic.CLIENTS)


def test_empty_history():
    table = result_table(History())
    assert table.rows == ()
