"""What a site is told of the others' keys, apart from the server."""

import pytest

from fedmtl.deployment.doctor.roster import check_roster
from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.roster import fingerprint, load_roster, write_roster
from fedmtl.errors import ConfigError
from tests.clients.deployed import make_site


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return Registered({name: KeyFolder(folder / name, name).make() for name in ("north", "south")})


def test_what_is_written_is_read(registered, tmp_path):
    path = tmp_path / "roster.json"
    assert load_roster(path) is None
    assert write_roster(path, registered)
    assert not write_roster(path, registered)
    roster = load_roster(path)
    assert roster == {site: keys.roster for site, keys in registered.sites.items()}
    assert "node_key" not in path.read_text()


def test_rosters_of_other_keys_have_other_fingerprints(registered):
    roster = {site: keys.roster for site, keys in registered.sites.items()}
    swapped = dict(zip(roster, reversed(roster.values()), strict=True))
    assert fingerprint(roster) == fingerprint(dict(reversed(roster.items())))
    assert fingerprint(roster) != fingerprint(swapped)


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '{"a": "§"}', '{"a": "YWJj"}'])
def test_a_damaged_one_is_said_to_be(text, tmp_path):
    path = tmp_path / "roster.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is damaged"):
        load_roster(path)


def test_the_doctor_says_whom_a_site_trusts(registered, tmp_path):
    folder = make_site(tmp_path, "north")
    (missing,) = check_roster(folder)
    assert missing.status == "warn"
    assert "honest but curious" in missing.found
    write_roster(folder.roster, registered)
    (other,) = check_roster(folder)
    assert other.status == "fail"
    write_roster(folder.roster, Registered({"north": folder.keys.make()}))
    (right,) = check_roster(folder)
    assert right.status == "ok"
    assert fingerprint(load_roster(folder.roster)) in right.found
