"""fedmtl deploy site, as an operator meets it."""

import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest

from fedmtl.deployment.readiness import is_listening
from tests.clients.deployed import make_site
from tests.federations import TINY

SECONDS = 60.0


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def test_a_dry_run_shows_what_would_leave(fedmtl, tmp_path, scenario):
    site = make_site(tmp_path, limits={"rounds": 7})
    shown = fedmtl("deploy", "site", site.path, "--dry-run", "--scenario", scenario)
    assert shown.code == 0, shown.err
    rows = {
        cells[0]: cells[1]
        for line in shown.out.splitlines()
        if len(cells := line.strip("│ ").split("│")) == 2
    }
    rows = {name.strip(): value.strip() for name, value in rows.items()}
    assert int(rows["backbone"].replace(",", "")) > 100_000
    assert {"head/depth", "head/semseg", "depth", "semseg", "together"} <= set(rows)
    assert '"client": "a"' in shown.out
    assert "never sent: norm_stats" in shown.out
    assert '"rounds": 7' in shown.out
    assert not site.state.exists()


def test_a_dry_run_shows_the_privacy_of_images(fedmtl, tmp_path, scenario):
    pytest.importorskip("dp_accounting", reason="needs the extra 'privacy'")
    scenario.write_text(TINY.replace("{name: lcnet_035}", "{name: lcnet_035, norm: group}"))
    site = make_site(tmp_path, privacy={"epsilon": 3.0})
    shown = fedmtl("deploy", "site", site.path, "--dry-run", "--scenario", scenario)
    assert shown.code == 0, shown.err
    assert '"epsilon": 3.0' in shown.out
    assert "training has cost 0 so far" in shown.out
    scenario.write_text(TINY)
    refused = fedmtl("deploy", "site", site.path, "--dry-run", "--scenario", scenario)
    assert refused.code == 1
    assert "model.backbone.norm: group" in refused.err


def test_what_is_wrong_is_one_sentence(fedmtl, tmp_path, scenario):
    outcome = fedmtl("deploy", "site", tmp_path / "nowhere", "--dry-run")
    assert (outcome.code, outcome.out) == (1, "")
    assert "site.yaml cannot be read" in outcome.err
    site = make_site(tmp_path, limits={"methods": ["local"]})
    outcome = fedmtl("deploy", "site", site.path, "--dry-run", "--scenario", scenario)
    assert outcome.code == 1
    assert outcome.err.startswith("fedmtl: limits.methods: 'fedavg' is not among")


def test_it_waits_for_a_server_that_is_away_runs_once_and_ends_with_sigterm(tmp_path):
    site = make_site(tmp_path)
    command = [str(Path(sys.executable).with_name("fedmtl")), "deploy", "site", str(site.path)]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        said = wait_for(tmp_path / "out", "worker is ready", process)
        assert "flower-supernode is ready" in said
        second = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert second.returncode == 1
        assert f"is in use by process {process.pid}: stop it first" in second.stderr
        assert is_listening(site.config.runtime_port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    said = (tmp_path / "out").read_text()
    assert "Traceback" not in said
    assert said.splitlines()[-1].endswith("stopped")
    assert not is_listening(site.config.runtime_port)


def wait_for(path, words, process):
    for _ in range(int(SECONDS / 0.1)):
        if words in (said := path.read_text()):
            return said
        assert process.poll() is None, said
        Event().wait(0.1)
    raise AssertionError(f"'{words}' was not said: {said}")
