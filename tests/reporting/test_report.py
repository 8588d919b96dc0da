import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fedmtl.config import ClientConfig, DataConfig, Scenario
from fedmtl.errors import RunError
from fedmtl.reporting.departures import Departure
from fedmtl.reporting.history import History
from fedmtl.reporting.panels import Panel, PanelRow
from fedmtl.reporting.report import GroupInfo, Setup, render_report, write_report
from fedmtl.run_directory import RunDirectory
from tests.reporting import synthetic

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SECTIONS = [
    "results",
    "departures",
    "failures",
    "validation",
    "predictions",
    "training",
    "work",
    "groups",
    "repeat",
]


def _panels() -> list[Panel]:
    rng = np.random.default_rng(0)
    image, label, prediction = rng.integers(0, 256, (3, 96, 128, 3), dtype=np.uint8)
    rows = [
        PanelRow("semseg", label, prediction),
        PanelRow("depth", None, prediction),
        PanelRow("sign", label, prediction, "<stop>", "yield"),
    ]
    return [Panel("street-0", "000123", image, rows)]


@pytest.fixture(scope="module")
def page(history) -> str:
    return render_report(
        history,
        Setup(3, "name: three-worlds\nseed: 3\n"),
        baseline=synthetic.local_baseline(),
        groups=[GroupInfo("head/semseg", "private", 120_003, ["street-0", "street-1"])],
        panels=_panels(),
        departures=[
            Departure("room-0", 7, {"depth": 0.4561, "normals": 26.0}, {"depth": 0.5}),
            Departure("street-0", 0, {"semseg": 45.25}, {"semseg": 45.25}),
            Departure("street-1", 20, {"semseg": 43.5}, None),
        ],
    )


def _sections(page: str) -> list[str]:
    return re.findall(r'<section id="(\w+)">', page)


def _section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}">')[1].split("</section>")[0]


def test_has_every_section(page):
    assert _sections(page) == SECTIONS


def test_header_says_what_ran(page):
    header = page.split("<main>")[0]
    for expected in ("three-worlds", "finished", "fedavg", "8 clients", "seed 3", "2026-03-02 09:30 UTC"):
        assert expected in header


def test_results_have_values_changes_and_stale_rounds(page, history):
    results = _section(page, "results")
    value = history.primary("street-0", "semseg")[1].final.value
    change = 100 * (value / synthetic.local_baseline()["street-0", "semseg"] - 1)
    assert f"{value:.1f}" in results
    assert f"{change:+.1f} %".replace("-", "−") in results
    assert results.count("of round 19") == 3
    assert "local training" in results


def test_what_each_client_leaves_with_stands_beside_the_last_round_and_what_it_came_with(page, history):
    room, fallen, last = re.findall(r"<tr>.*?</tr>", _section(page, "departures"), re.DOTALL)[1:]
    for expected in (
        "room-0",
        "of round 7",
        "0.456<small>last round",
        "came with 0.500",
        "26.00",
        "came with –",
    ):
        assert expected in room
    value = history.primary("street-0", "semseg")[1].final.value
    assert "that it came with" in fallen
    assert f"45.2<small>last round {value:.1f}</small><small>came with 45.2</small>" in fallen
    assert "of round 20" in last
    assert "came with" not in last
    assert "street-0 keeps the model that it came with" in _section(page, "departures")


def test_pictures_are_inside_and_named(page):
    predictions = _section(page, "predictions")
    assert predictions.count('src="data:image/png;base64,') == 6
    assert predictions.count("no label") == 1
    assert re.findall("<small>(.+?)</small>", predictions) == ["&lt;stop&gt;", "yield"]
    assert all(re.findall(r'alt="(.*?)"', predictions))


def test_groups_and_config(page):
    assert "120,003" in _section(page, "groups")
    assert "seed: 3" in _section(page, "repeat")


def test_what_is_not_given_is_absent_and_the_same_run_gives_the_same_bytes(history):
    page = render_report(history)
    assert _sections(page) == ["results", "failures", "validation", "training", "work"]
    assert "mean Δ" not in page
    assert render_report(history) == page


def test_run_that_has_only_started():
    page = render_report(History.of([{**synthetic.start(), "time": "2026-03-02T09:30:00+00:00"}]))
    assert _sections(page) == []
    assert "running" in page


def test_names_and_errors_are_escaped():
    start = {**synthetic.start(), "name": "<script>alert(1)</script>", "time": ""}
    failure = {"event": "failure", "round": 1, "client": "a", "phase": "train", "error": "<b>", "time": ""}
    page = render_report(History.of([start, failure]))
    assert "<script>" not in page
    assert "&lt;b&gt;" in page


def test_asks_for_nothing_from_outside(page):
    assert not re.search(r'(?:src|href|action)="(?!data:image/png|#)', page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "http://" not in page
    assert "https://" not in page


def test_write_report_into_a_run_directory(log_path, tmp_path):
    scenario = Scenario(
        name="three-worlds",
        seed=11,
        data=DataConfig(sources={"street": {"kind": "folder"}}),
        clients={"street": ClientConfig(source="street")},
    )
    run = RunDirectory.create(tmp_path / "run", scenario)
    with pytest.raises(RunError, match="does not exist"):
        write_report(run)
    shutil.copy(log_path, run.metrics)
    page = write_report(run).read_text(encoding="utf-8")
    assert "seed 11" in page
    assert "name: three-worlds" in _section(page, "repeat")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH")
def test_opens_in_a_browser(page, tmp_path: Path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}"]
    url = (tmp_path / "report.html").as_uri()
    dom = subprocess.run(
        [*command, "--dump-dom", url], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert _sections(dom) == SECTIONS
    assert dom.count("<svg") == 6 + 6 + 2
    assert dom.count("<img") == 6
    assert dom.count("<table") == 6
    assert not re.search(r'(?:src|href)="https?:', dom)
    picture = tmp_path / "report.png"
    subprocess.run(
        [*command, f"--screenshot={picture}", "--window-size=500,900", url],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert picture.stat().st_size > 10_000
