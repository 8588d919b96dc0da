from rich.console import Console

from fedmtl.reporting.history import History
from fedmtl.reporting.table import POOLED, result_table
from fedmtl.reporting.terminal_table import TerminalTable
from fedmtl.reporting.units import number
from tests.reporting import synthetic


def drawn(table, width=160):
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(TerminalTable(table))
    return capture.get()


def test_it_names_metric_unit_baseline_and_stale_values(history):
    text = drawn(result_table(history, synthetic.local_baseline()))
    for expected in ("rmse m ↓", "mIoU % ↑", "percent of local training", "round 19", "mean Δ"):
        assert expected in text


def test_without_rows_or_baseline(history):
    assert "Δ" not in drawn(result_table(history))
    assert "client" in drawn(result_table(History()))


def test_where_columns_do_not_fit_nothing_is_cut(history):
    """A line for each client and task says the same."""
    table = result_table(history, synthetic.local_baseline())
    wide, narrow = drawn(table), drawn(table, width=76)
    assert max(map(len, wide.splitlines())) > 76 >= max(map(len, narrow.splitlines()))
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert "…" not in narrow
    for column in table.columns:
        assert column.label in narrow
    for row in table.rows:
        assert row.client in narrow
        for column, cell in zip(table.columns, row.cells, strict=True):
            assert cell is None or number(cell.value, column.unit) in narrow
    assert POOLED in narrow
