import re

import pytest
from rich.console import Console

from fedmtl.reporting.comparison import Score, Spread, compare
from fedmtl.reporting.comparison_report import render_comparison, spread, summary_to_rich, write_comparison
from tests.reporting import synthetic


@pytest.fixture(scope="module")
def comparison():
    return compare(synthetic.comparison_scores(), synthetic.comparison_totals())


def test_page_has_every_method_client_task_and_the_plot(comparison, tmp_path):
    write_comparison(tmp_path / "comparison.html", comparison, "three-worlds")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    for name in (*comparison.methods, *synthetic.CLIENTS, *synthetic.TASKS, "rmse m ↓", "room-1"):
        assert name in page
    assert page.count("<svg") == 1
    assert page.count('<th scope="row">') == len(comparison.methods) + len(comparison.lines)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_page_without_a_baseline_has_no_changes():
    page = render_comparison(compare([Score("x", 0, "a", "depth", "rmse", 0.5, False)], []), "n")
    assert "Δ" not in page
    assert "<svg" not in page
    assert "0.500" in page


def test_rich_has_a_line_a_method(comparison):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(summary_to_rich(comparison))
    drawn = capture.get()
    averaging = next(line for line in drawn.splitlines() if "averaging" in line)
    assert "room-" in averaging
    assert "2.0 GB" in averaging
    assert "Δ from local" in drawn


@pytest.mark.parametrize(
    ("values", "quantity", "expected"),
    [
        (None, "delta", "–"),
        (Spread(4.2, 0.5), "delta", "+4.2 ± 0.5 %"),
        (Spread(-4.2, None), "delta", "−4.2 %"),
        (Spread(1.5e6, None), "bytes", "1.5 MB"),
        (Spread(5.0, 1.0), "seconds", "5.0 s ± 1.0 s"),
        (Spread(41.25, 0.5), "value", "41.2 ± 0.5"),
    ],
)
def test_spread(values, quantity, expected):
    assert spread(values, quantity, "%") == expected
