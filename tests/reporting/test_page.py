import pytest
from jinja2 import UndefinedError

from fedmtl.errors import RunError
from fedmtl.reporting.page import render, write


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    write(path, "old")
    write(path, "Δ")
    assert path.read_text(encoding="utf-8") == "Δ"
    assert list(tmp_path.iterdir()) == [path]


def test_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(RunError, match=r"nowhere.* cannot be written"):
        write(tmp_path / "nowhere" / "report.html", "page")


def test_missing_value_is_an_error():
    with pytest.raises(UndefinedError):
        render("comparison.html.j2", name="x")
