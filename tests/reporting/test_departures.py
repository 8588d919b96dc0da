"""What clients leave with, beside what the last round gave and what they came with."""

from fedmtl.reporting.departures import Departure, DepartureCell, departure_rows, fallen_back
from fedmtl.reporting.table import result_columns


def test_a_row_has_a_cell_for_each_task_that_the_client_measures(history):
    columns = result_columns(history)
    departure = Departure("room-0", 3, {"depth": 0.4}, {"depth": 0.5, "normals": 30.0})
    (row,) = departure_rows(history, columns, [departure])
    cells = {column.task: cell for column, cell in zip(columns, row.cells, strict=True)}
    last = {task: history.primary("room-0", task)[1].final.value for task in ("depth", "normals")}
    assert cells["depth"] == DepartureCell(0.4, last["depth"], 0.5)
    assert cells["normals"] == DepartureCell(None, last["normals"], 30.0)
    assert [task for task, cell in cells.items() if cell] == ["depth", "normals"]


def test_who_fell_back_is_said_in_a_sentence():
    federated, *own = Departure("a", 3, {}, {}), Departure("b", 0, {}, {}), Departure("c", 0, {}, {})
    assert fallen_back([]) is None
    assert fallen_back([federated]) is None
    assert fallen_back([federated, own[0]]).startswith("b keeps the model that it came with: ")
    assert fallen_back(own).startswith("b, c keep the models that they came with: ")
