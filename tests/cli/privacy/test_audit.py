"""fedmtl privacy audit, from the command to the page."""

import json
import shutil

import pytest

from fedmtl.run_directory import RunDirectory
from tests.privacy.audits.inversion.small import SMALL


@pytest.fixture
def small(tmp_path):
    """A federation that is quick to attack, as a file."""
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_a_scenario_is_attacked_and_a_page_written(fedmtl, small):
    options = ["--option", "images=6", "--option", "together=3"]
    outcome = fedmtl("privacy", "audit", small, "training.lr=0.05", *options, "--out", "out", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["rows"][2]["found"] == 6
    assert (small.parent / "out" / "inversion.json").is_file()
    assert "Gradient inversion" in (small.parent / "out" / "audit.html").read_text()


def test_a_runs_findings_are_in_its_report(fedmtl, straight, tmp_path):
    shutil.copytree(straight.path, tmp_path / "run")
    outcome = fedmtl("privacy", "audit", "run", "--audit", "membership", "--option", "rate=0.5")
    assert outcome.code == 0
    assert "Membership inference (TPR at 50 % FPR)" in outcome.out
    run = RunDirectory.open(tmp_path / "run")
    assert (run.path / "audits" / "membership.json").is_file()
    assert "Privacy audits" in run.report.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--audit", "cannary"], "did you mean 'canary'"),
        (["--option", "imagez=3"], "did you mean 'images'"),
        (["--audit", "membership"], "finished run"),
    ],
)
def test_a_wrong_word_is_one_sentence(fedmtl, small, words, sentence):
    outcome = fedmtl("privacy", "audit", small, *words)
    assert outcome.code == 1
    assert sentence in outcome.err


def test_a_runs_settings_cannot_be_changed(fedmtl, straight):
    outcome = fedmtl("privacy", "audit", straight.path, "rounds=2")
    assert outcome.code == 1
    assert "cannot be changed" in outcome.err
