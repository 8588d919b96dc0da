"""Three sites that take part under secure sums alone, over TLS; SuperLink is killed in the middle of a round."""

import json

import numpy as np
import pytest
from omegaconf import OmegaConf

from fedmtl.checkpoints import load_checkpoint
from fedmtl.deployment.run_state import read_run_state
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.reporting.history import History
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from simulations.inprocess import run_inprocess
from tests.deployed.rehearsal import Rehearsal, kill

pytestmark = pytest.mark.deployment

SITES = ("east", "north", "west")
ROUNDS = 2
SCENARIO = f"""
name: masked
rounds: {ROUNDS}
data: {{image_size: [32, 48]}}
model:
  backbone: {{name: lcnet_035}}
  adapter: {{bottleneck: 4}}
  attention: {{channels: 8, heads: 2, points: 1}}
training: {{batch_size: 2}}
privacy: {{secure_sums: true, largest_weight: 16}}
"""


def source(site):
    """Rooms that differ from site to site; one of them has a task more."""
    number = SITES.index(site)
    rooms = {"kind": "rooms", "sites": 1, "height": 32, "width": 48, "train": 4, "val": 2, "seed": number}
    return {"tasks": ["semseg", "depth"] if site == "west" else ["semseg"], "data": {"source": rooms}}


def sent(rehearsal, site):
    """The log of all that a site has sent."""
    path = SiteFolder(rehearsal.site(site)).sent
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The rehearsal after the run, with the server stopped."""
    sites = {site: source(site) | {"limits": {"secure_sums": True}} for site in SITES}
    rehearsal = Rehearsal(tmp_path_factory.mktemp("deployed"), sites)
    scenario = rehearsal.folder / "masked.yaml"
    scenario.write_text(SCENARIO)
    with rehearsal.running():
        rehearsal.command("run", str(scenario), "--server", str(rehearsal.server.path), "--no-follow")

        def dealt():
            return any((line["kind"], line["round"]) == ("query.deal", 2) for line in sent(rehearsal, "east"))

        rehearsal.until("the second round", dealt, 240)
        kill(rehearsal.program("superlink"))
        run = rehearsal.server.runs / "masked"
        rehearsal.until("the end of the run", lambda: read_run_state(run).over, 300)
        state = read_run_state(run)
        assert state.state == "finished", f"{state}\n{rehearsal.logs()}"
    return rehearsal, RunDirectory.open(run)


def test_it_ends_as_a_run_in_one_process(deployed, tmp_path):
    """The round that was cut off was done again, with other secrets and the same result."""
    _, run = deployed
    assert read_run_state(run.path).submissions == 2
    scenario = OmegaConf.create(SCENARIO)
    scenario.training.device, scenario.training.threads = "cpu", 1
    scenario.data.sources = {site: source(site)["data"]["source"] for site in SITES}
    scenario.clients = {
        site: {"source": site, "tasks": source(site)["tasks"], "domain": "any"} for site in SITES
    }
    again = RunDirectory.create(tmp_path / "again", parse_scenario(OmegaConf.to_yaml(scenario)))
    run_inprocess(again)
    (_, found), (_, expected) = load_checkpoint(run.checkpoints), load_checkpoint(again.checkpoints)
    assert set(found) == set(expected)
    assert max(np.abs(found[name] - expected[name]).max(initial=0) for name in found) < 1e-6


def test_sites_knew_each_others_keys_and_sent_nothing_in_clear(deployed):
    rehearsal, run = deployed
    history = History.of(rehearsal.events(run.path.name))
    assert history.privacy.signed
    assert "head/depth" in history.privacy.home
    for site in SITES:
        kinds = {line["kind"] for line in sent(rehearsal, site)}
        assert {"query.deal", "query.confirm", "query.unmask", "train.secure", "evaluate.secure"} <= kinds
        assert not {"train", "evaluate"} & kinds


def test_the_attempts_at_a_round_differ(deployed):
    """What the killed server was dealt is of no use to the one that came after it."""
    rehearsal, _ = deployed
    deals = [
        part["sha256"]
        for line in sent(rehearsal, "east")
        if line["kind"] == "query.deal"
        for part in line["parts"]
        if part["name"] == "payload.json"
    ]
    assert len(deals) == len(set(deals)) > 2 * ROUNDS
