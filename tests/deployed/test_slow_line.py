"""Two sites, over TLS; the line of one of them stops in the middle of an upload, and goes on after the round."""

import pytest

from clients.ledger import UsageLedger
from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.run_state import read_run_state
from fedmtl.deployment.site import Limits
from fedmtl.deployment.site_folder import SiteFolder
from simulations.replay import recorded_participation
from tests.deployed.rehearsal import Rehearsal
from tests.tunnel import proxy

pytestmark = pytest.mark.deployment

NAME = "fl.example.org"
"""A name that nobody but the proxy can resolve."""
SLOW = "north"
SITES = ("south", SLOW)
ROUNDS, DEADLINE = 4, 60
SCENARIO = f"""
name: slow
rounds: {ROUNDS}
data: {{image_size: [32, 48]}}
model:
  backbone: {{name: lcnet_035}}
  adapter: {{bottleneck: 4}}
  attention: {{channels: 8, heads: 2, points: 1}}
training: {{batch_size: 2}}
federation: {{round_timeout: {DEADLINE}, evaluate_every: 0}}
"""
PASSES = 300_000
"""Bytes: more than the announcement of an answer, and less than the answer."""


def source(site):
    rooms = {"kind": "rooms", "sites": 1, "height": 32, "width": 48, "train": 4, "val": 2}
    return {"tasks": ["semseg"], "data": {"source": rooms | {"seed": SITES.index(site)}}}


def rounds_begun(site):
    return UsageLedger(SiteFolder(site).ledger, Limits()).account.rounds


def test_an_upload_that_stops_halfway_costs_its_own_round_and_no_one_elses(tmp_path):
    """Flower's own pull would wait for it for up to two hours."""
    with proxy() as way:
        sites = {site: source(site) for site in SITES}
        sites[SLOW]["proxy"] = f"http://{HOST}:{way.server_address[1]}"
        rehearsal = Rehearsal(tmp_path, sites, NAME)
        scenario = tmp_path / "slow.yaml"
        scenario.write_text(SCENARIO)
        with rehearsal.running():
            rehearsal.command("run", str(scenario), "--server", str(rehearsal.server.path), "--no-follow")
            rehearsal.until("the second round", lambda: rounds_begun(rehearsal.site(SLOW)) == 2, 240)
            way.line.stop_after(PASSES)

            def ended():
                return [e["round"] for e in rehearsal.events("slow") if e["event"] == "round"]

            rehearsal.until("the end of the round", lambda: ended() == [1, 2], 3 * DEADLINE)
            assert way.line.held
            # A round begins with both, so the run waits for the site now.
            way.line.stop_after(None)
            run = rehearsal.server.runs / "slow"
            rehearsal.until("the end of the run", lambda: read_run_state(run).over, 240)
            assert read_run_state(run).state == "finished", rehearsal.logs()
    participation = recorded_participation(run / "metrics.jsonl")
    assert participation[1] == set(SITES)
    assert participation[2] == {"south"}
    assert participation[ROUNDS] == set(SITES)
    failures = {e["round"]: e for e in rehearsal.events("slow") if e["event"] == "failure"}
    assert failures[2]["client"] == SLOW
