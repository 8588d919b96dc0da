"""Findings as files, and as a section of a page."""

import numpy as np
import pytest

from fedmtl.errors import RunError
from fedmtl.reporting.audits import Findings, Picture, Strip, plain, read_findings, save_findings, write_page
from fedmtl.reporting.panels import data_uri

FOUND = Findings(
    "inversion",
    "Gradient <inversion>",
    "Who sees what.",
    "Nothing comes out.",
    ({"seen": "sum of 5", "mean": 10.5, "found": 0}, {"seen": "heads", "mean": None, "best": 1.25}),
    strips=(Strip("a · 1", (Picture("image", data_uri(np.zeros((2, 2, 3), np.uint8))),)),),
)


def test_findings_are_read_as_they_were_saved_and_replaced_by_newer_ones(tmp_path):
    folder = tmp_path / "run" / "audits"
    save_findings(folder, Findings("canary", "", "", "", ()))
    save_findings(folder, FOUND)
    save_findings(folder, FOUND)
    assert [found.audit for found in read_findings(folder)] == ["canary", "inversion"]
    assert read_findings(folder)[1] == FOUND
    assert read_findings(tmp_path / "nowhere") == []


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "canary.json").write_text("{")
    with pytest.raises(RunError, match=r"canary\.json is damaged"):
        read_findings(tmp_path)


def test_a_page_has_every_cell_escaped_and_its_pictures_inside(tmp_path):
    write_page(tmp_path / "audit.html", "street", [FOUND])
    page = (tmp_path / "audit.html").read_text()
    assert "Gradient &lt;inversion&gt;" in page
    for cell in (">10.5<", ">–<", ">1.25<", "data:image/png;base64,"):
        assert cell in page


def test_what_is_printed_has_no_pictures():
    told = plain(FOUND)
    assert "strips" not in told
    assert told["rows"][0] == {"seen": "sum of 5", "mean": 10.5, "found": 0}
