"""The site behind a site.yaml."""

import sys

import pytest

from clients.deployed_site import deployed_site
from clients.participant import Participant
from clients.site import make_sites
from fedmtl.config import Plan
from fedmtl.errors import ConfigError, DataError, FedmtlError, RefusalError
from fedmtl.exchange.messages import Federation
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from tests.clients.deployed import ROOMS, make_site
from tests.federations import tiny


def federation(site, run="run", *overrides):
    return Federation(run, site.tasks, to_yaml(Plan.of(tiny(*overrides))), ())


def test_it_is_the_client_of_a_scenario_that_has_a_source_of_its_own(tmp_path):
    folder = make_site(tmp_path, data={"source": ROOMS, "train_images": 3, "workers": 2}, domain="street")
    site = deployed_site(folder.file)
    alone = tiny(
        "data.sources={a: {kind: rooms, sites: 1, height: 32, width: 48, train: 4, val: 2, test: 2}}",
        "data.partition.kind=iid",
        "clients={a: {source: a, tasks: [semseg, depth], train_images: 3}}",
    )
    expected = make_sites(alone)["a"]
    assert (site.client, site.domain, site.data.workers) == ("a", "street", 2)
    assert (site.share, site.tasks) == (expected.share, expected.tasks)
    assert site.description.images == 3


def test_its_own_validation_images_can_be_the_test(tmp_path):
    site = deployed_site(make_site(tmp_path, data={"source": ROOMS, "holdout": 0.25}).file)
    assert (len(site.share.train), len(site.share.val), len(site.share.test)) == (3, 1, 2)


def test_its_data_is_decoded_once_in_a_process(tmp_path):
    path = make_site(tmp_path).file
    assert deployed_site(path) is deployed_site(path)
    path.write_text(path.read_text().replace("- depth\n", ""))
    assert [spec.name for spec in deployed_site(path).tasks] == ["semseg"]


def test_it_offers_what_its_data_has(tmp_path):
    misspelt = make_site(tmp_path, tasks=["dept"])
    with pytest.raises(ConfigError, match=r"site\.yaml: .*has no task 'dept'; did you mean 'depth'"):
        deployed_site(misspelt.file)
    elsewhere = make_site(tmp_path, "b", data={"source": {"kind": "folder", "path": "nowhere"}})
    with pytest.raises(DataError):
        deployed_site(elsewhere.file)


def test_every_run_has_a_folder_of_its_own(tmp_path):
    """Or a second run would delete what the first goes on from."""
    folder = make_site(tmp_path)
    site = deployed_site(folder.file)
    places = {
        run: Participant(site, Snapshots(folder.private), federation(site, run)).snapshots.folder
        for run in ("one", "two", "brought")
    }
    assert places == {run: folder.private / "runs" / run for run in places}


def test_its_rules_hold_where_it_joins(tmp_path):
    site = deployed_site(make_site(tmp_path, limits={"private": ["head/*"]}).file)
    with pytest.raises(RefusalError, match=r"'head/\*' keeps here"):
        Participant(site, Snapshots(tmp_path), federation(site))
    joined = Participant(site, Snapshots(tmp_path), federation(site, "run", "method.name=fedper"))
    assert not [group for group in joined.membership().train if group.startswith("head/")]
    assert (joined.plan.training.device, joined.plan.training.threads) == ("cpu", 1)
    with pytest.raises(RefusalError):
        Participant(site, Snapshots(tmp_path), federation(site, "run", "training.epochs=5000"))


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_codec_cannot_be_an_import_path(way, tmp_path, monkeypatch):
    (tmp_path / "attack.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    site = deployed_site(make_site(tmp_path).file)
    hostile = Plan.of(tiny())
    setattr(hostile.exchange, way, {"name": "attack:Codec"})
    with pytest.raises(FedmtlError, match="attack:Codec"):
        Participant(site, Snapshots(tmp_path), Federation("run", site.tasks, to_yaml(hostile), ()))
    assert "attack" not in sys.modules
