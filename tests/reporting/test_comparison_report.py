import re

import pytest
from rich.console import Console

from fedmtl.reporting.comparison import Selection, compare
from fedmtl.reporting.comparison_report import (
    leaving_to_rich,
    render_comparison,
    summary_to_rich,
    verdict,
    write_comparison,
)
from fedmtl.reporting.convergence import Convergence
from fedmtl.reporting.scores import Score
from tests.reporting import synthetic

MEAN = {1: -40.0, 2: 1.0, 3: 0.0}


@pytest.fixture(scope="module")
def comparison():
    scores = synthetic.comparison_scores()
    return compare(
        scores,
        synthetic.comparison_totals(),
        secure_sums={"local": True, "averaging": True, "grouping": False},
        selection=Selection({(0, "room-0"): 2}, Convergence(MEAN, {"room-0": MEAN}, 0.1, 0.2)),
        left=[score for score in scores if score.method != "local"],
        choices=synthetic.comparison_choices(),
    )


def test_page_has_every_method_client_task_and_plot(comparison, tmp_path):
    write_comparison(tmp_path / "comparison.html", comparison, "three-worlds")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    for name in (*comparison.methods, *synthetic.CLIENTS, *synthetic.TASKS, "rmse m ↓", "room-1"):
        assert name in page
    assert page.count("<svg") == 2
    methods = len(comparison.methods)
    rows = methods + 3 * (methods - 1) + len(comparison.lines)
    assert page.count('<th scope="row">') == rows
    assert "its mean was best in round 2 of 3" in page
    leaving = page.split('<section id="leaving">')[1].split("</section>")[0]
    assert "2 of 16" in leaving
    assert "or with its model of local where" in leaving
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_page_without_a_baseline_has_no_changes():
    page = render_comparison(compare([Score("x", 0, "a", "depth", "rmse", 0.5, False)], []), "n")
    assert "Δ" not in page
    assert "<svg" not in page
    assert "leaving" not in page
    assert "0.500" in page


def test_rich_has_a_line_a_method(comparison):
    console = Console(width=140)
    with console.capture() as capture:
        console.print(summary_to_rich(comparison))
    drawn = capture.get()
    averaging, grouping = (
        next(line for line in drawn.splitlines() if name in line) for name in ("averaging", "grouping")
    )
    assert "room-" in averaging
    assert "2.0 GB" in averaging
    assert re.search(r"\d+ of 22 .* yes ", averaging)
    assert re.search(r"22 of 22 .* no ", grouping)
    assert "Δ from local" in drawn


def test_rich_has_a_line_a_method_for_what_clients_leave_with(comparison):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(leaving_to_rich(comparison))
    drawn = capture.get()
    assert re.search(r"averaging .* room-\d −\d\.\d % +2 of 16", drawn)
    assert re.search(r"grouping +\+\d\.\d ± \d\.\d % .* 0 of 16", drawn)
    assert leaving_to_rich(compare(synthetic.comparison_scores(), [])) is None


def test_whether_the_baseline_was_trained_long_enough_is_said(comparison):
    assert verdict(comparison).startswith("local has stopped improving on validation: its mean was best in")
    scores = synthetic.comparison_scores()
    assert verdict(compare(scores, [])).startswith("local was measured too seldom to tell")
    assert verdict(compare([score for score in scores if score.method != "local"], [])) is None
