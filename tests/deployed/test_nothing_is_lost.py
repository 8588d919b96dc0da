"""Three sites with tasks of their own, over TLS; a SuperNode is killed, then SuperLink; nobody types anything."""

import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from clients.ledger import UsageLedger
from fedmtl.checkpoints import load_checkpoint
from fedmtl.data import write_folder
from fedmtl.data.rooms import Rooms
from fedmtl.deployment.run_state import read_run_state
from fedmtl.deployment.site import Limits
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from fedmtl.snapshots import Snapshots
from simulations.replay import recorded_participation, replay
from tests.deployed.rehearsal import Rehearsal, kill, supernode_of
from tests.federations import bits

pytestmark = pytest.mark.deployment

REAL = Path(os.environ.get("FEDMTL_DATA", "../shared/data"))
SCENARIO = """
name: hospitals
rounds: 6
data: {image_size: [48, 64]}
model:
  backbone: {name: lcnet_035}
  adapter: {bottleneck: 4}
  attention: {channels: 16, heads: 2, points: 2}
method: {name: kinship}
training: {batch_size: 4, epochs: 2, keep_optimizer: true}
"""
"""With the seed by which a site chooses its images, 0, so that a replay has the same."""
ROUNDS, SLOW = 6, "street"
ANSWERS_BEFORE = 4
"""To describe, join, train and evaluate: what a site has answered when the second round begins."""
AWAY_SECONDS = 240.0
"""For a round's end without the site that was killed, 61 s, and for its return, at least 65 s."""


def account(site):
    """What the site says that it has done so far."""
    return UsageLedger(SiteFolder(site).ledger, Limits()).account


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Site → its tasks and its data: real images where they are, rendered rooms elsewhere."""
    tasks = {"people": ["human_parts", "edge"], "room": ["depth"], SLOW: ["semseg", "saliency"]}
    images = {"people": 8, "room": 6, SLOW: 48}
    if not all((REAL / site / "dataset.yaml").exists() for site in tasks):
        tasks = {"people": ["semseg", "edge"], "room": ["depth"], SLOW: ["semseg", "saliency"]}
        folder = tmp_path_factory.mktemp("rooms")
        for number, site in enumerate(tasks):
            write_folder(Rooms(sites=1, height=48, width=64, train=48, val=8, seed=number), folder / site)
    else:
        folder = REAL.resolve()
    return {
        site: {
            "tasks": tasks[site],
            "data": {
                "source": {"kind": "folder", "path": str(folder / site)},
                "train_images": images[site],
                "val_images": 4,
            },
        }
        for site in tasks
    }


@pytest.fixture(scope="module")
def deployed(sources, tmp_path_factory):
    """The rehearsal after the run, with the server stopped: where the SuperNode died, and where SuperLink did."""
    rehearsal = Rehearsal(tmp_path_factory.mktemp("deployed"), sources)
    scenario = rehearsal.folder / "hospitals.yaml"
    scenario.write_text(SCENARIO)
    with rehearsal.running():
        rehearsal.command("run", str(scenario), "--server", str(rehearsal.server.path), "--no-follow")

        def trained(site, number):
            told = [e for e in rehearsal.events("hospitals") if e["event"] == "train"]
            return any((e["client"], e["round"]) == (site, number) for e in told)

        # The site's own account has a round before it begins, and an answer before it leaves.
        rehearsal.until("the second round", lambda: account(rehearsal.site(SLOW)).rounds == 2, 180)
        kill(supernode_of(rehearsal.site(SLOW)))
        assert account(rehearsal.site(SLOW)).answers == ANSWERS_BEFORE
        rehearsal.until("the return of the site", lambda: trained(SLOW, 3), AWAY_SECONDS)
        rehearsal.until("the fourth round", lambda: trained("room", 4), 60)
        superlink = rehearsal.program("superlink")
        kill(superlink)
        run = rehearsal.server.runs / "hospitals"
        rehearsal.until("the end of the run", lambda: read_run_state(run).over, 240)
        state = read_run_state(run)
        assert state.state == "finished", f"{state}\n{rehearsal.logs()}"
        status = rehearsal.command("status", "hospitals", "--server", str(rehearsal.server.path))
    return rehearsal, RunDirectory.open(run), superlink, status


def test_the_round_went_on_without_the_site_that_was_killed(deployed):
    rehearsal, run, _, _ = deployed
    participation = recorded_participation(run.metrics)
    everybody = {"people", "room", SLOW}
    assert {
        number: everybody - clients for number, clients in participation.items() if clients != everybody
    } == {2: {SLOW}}
    assert sorted(participation) == list(range(1, ROUNDS + 1))
    failures = [e for e in rehearsal.events("hospitals") if e["event"] == "failure"]
    assert (SLOW, 2) in {(e["client"], e["round"]) for e in failures}


def test_the_run_was_continued_by_itself(deployed):
    rehearsal, run, superlink, status = deployed
    assert read_run_state(run.path).submissions == 2
    assert [e["round"] for e in rehearsal.events("hospitals") if e["event"] == "resume"] == [3]
    assert superlink is not None
    assert "finished" in status


def test_it_ends_with_the_bits_of_a_replay_in_one_process(deployed, sources, tmp_path):
    rehearsal, run, _, _ = deployed
    scenario = OmegaConf.create(SCENARIO)
    scenario.training.device, scenario.training.threads = "cpu", 1
    scenario.data.sources = {site: own["data"]["source"] for site, own in sources.items()}
    scenario.clients = {
        site: {
            "source": site,
            "tasks": own["tasks"],
            "train_images": own["data"]["train_images"],
            "val_images": own["data"]["val_images"],
            "domain": "any",
        }
        for site, own in sources.items()
    }
    again = RunDirectory.create(tmp_path / "again", parse_scenario(OmegaConf.to_yaml(scenario)))
    replay(again, run)
    header, tensors = load_checkpoint(run.checkpoints)
    expected_header, expected = load_checkpoint(again.checkpoints)
    assert bits(tensors) == bits(expected)
    assert header.tasks == expected_header.tasks
    assert {name: (one.tasks, one.accepted) for name, one in header.clients.items()} == {
        name: (one.tasks, one.accepted) for name, one in expected_header.clients.items()
    }
    for site in sources:
        kept = Snapshots(SiteFolder(rehearsal.site(site)).private / "runs" / run.identity["run"])
        assert bits(kept.read(ROUNDS)[0]) == bits(again.private_states(site).read(ROUNDS)[0]), site
