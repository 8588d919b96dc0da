"""What would leave a site."""

import pytest

from clients.deployed_site import deployed_site
from clients.dry_run import departures
from clients.participant import Participant
from fedmtl.config import Plan
from fedmtl.errors import RefusalError
from fedmtl.exchange.messages import Federation
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from fedmtl.training.statistics import statistics_size
from tests.clients.deployed import make_site
from tests.federations import tiny


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(to_yaml(tiny("method.name=fedper")))
    return str(path)


def test_it_lists_what_a_round_really_sends(tmp_path, scenario):
    folder = make_site(tmp_path)
    found = departures(folder, scenario)
    site = deployed_site(folder.file)
    federation = Federation("run", site.tasks, to_yaml(Plan.of(tiny("method.name=fedper"))), ())
    member = Participant(site, Snapshots(tmp_path / "other"), federation).membership()
    assert set(found.groups) == set(member.train)
    assert found.description == site.description
    assert found.statistics == {spec.name: statistics_size(spec) for spec in site.tasks}
    assert {"head/depth", "head/semseg"} <= set(found.kept)
    assert not set(found.kept) & set(found.groups)


def test_it_leaves_nothing_behind(tmp_path, scenario):
    folder = make_site(tmp_path)
    departures(folder, scenario)
    assert not folder.state.exists()


def test_without_a_scenario_it_is_of_the_default_values(tmp_path):
    found = departures(make_site(tmp_path))
    assert {"backbone", "attention/depth", "head/depth"} <= set(found.groups)
    assert sum(found.groups.values()) > 4_000_000


def test_what_the_site_would_refuse_is_refused(tmp_path, scenario):
    with pytest.raises(RefusalError, match=r"limits\.methods"):
        departures(make_site(tmp_path, limits={"methods": ["fedavg"]}), scenario)


def test_there_is_no_connection(tmp_path, scenario, monkeypatch):
    def refuse(*_):
        raise AssertionError("a dry run opened a connection")

    monkeypatch.setattr("socket.socket.connect", refuse)
    departures(make_site(tmp_path), scenario)
