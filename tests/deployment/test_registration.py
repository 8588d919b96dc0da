import pytest

from fedmtl.deployment.federation import Federation, SiteEntry
from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.registered import Registered, Revoked
from fedmtl.deployment.registration import register
from fedmtl.errors import ConfigError


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {site: KeyFolder(folder / site, site).make() for site in ("north", "south", "new")}


@pytest.fixture
def federation():
    return Federation(name="streets", sites={"north": SiteEntry(), "south": SiteEntry()})


def test_a_site_is_registered_once_it_has_handed_over(federation, keys):
    registered, news = register(federation, {"north": keys["north"]}, Registered(), Revoked())
    assert registered.sites == {"north": keys["north"]}
    assert keys["north"].fingerprint in news[0]
    assert "south is not registered" in news[1]


def test_what_stays_as_it_is_is_no_news(federation, keys):
    before = Registered({"north": keys["north"], "south": keys["south"]})
    assert register(federation, {"north": keys["north"]}, before, Revoked()) == (before, [])


def test_new_keys_take_the_place_of_earlier_ones_and_that_is_told(federation, keys):
    before = Registered({"north": keys["north"], "south": keys["south"]})
    registered, news = register(federation, {"north": keys["new"]}, before, Revoked())
    assert registered.sites["north"] == keys["new"]
    assert "in place of earlier ones" in news[0]


def test_revoked_keys_stay_out_and_that_is_told(federation, keys):
    revoked = Revoked().add("south", keys["south"])
    registered, news = register(federation, keys_of(keys, "north", "south"), Registered(), revoked)
    assert set(registered.sites) == {"north"}
    assert "south stays out, because its keys were revoked" in news[1]


def test_revoked_keys_stay_out_under_another_name(federation, keys):
    revoked = Revoked().add("gone", keys["south"])
    registered, _ = register(federation, keys_of(keys, "south"), Registered(), revoked)
    assert registered.sites == {}


def test_a_revocation_that_was_cut_short_is_finished(federation, keys):
    """revoked.json was written, and sites.json not any more."""
    before, revoked = Registered(keys_of(keys, "north", "south")), Revoked().add("south", keys["south"])
    registered, _ = register(federation, {}, before, revoked)
    assert set(registered.sites) == {"north"}


def test_a_revoked_site_comes_back_with_new_keys(federation, keys):
    revoked = Revoked().add("south", keys["south"])
    registered, _ = register(federation, {"south": keys["new"]}, Registered(), revoked)
    assert registered.sites == {"south": keys["new"]}


def test_a_line_that_was_lost_cuts_nobody_off(federation, keys):
    before = Registered({"west": keys["new"]})
    with pytest.raises(
        ConfigError, match=r"'west' is registered and not in .*'fedmtl deploy revoke KIT west'"
    ):
        register(federation, {}, before, Revoked())


def test_a_revoked_site_may_be_taken_out_of_the_federation(federation, keys):
    before, revoked = Registered({"west": keys["new"]}), Revoked().add("west", keys["new"])
    assert register(federation, {}, before, revoked)[0].sites == {}


def test_two_sites_with_the_same_keys_are_refused(federation, keys):
    with pytest.raises(ConfigError, match="'north' and 'south' have the same key"):
        register(federation, {"north": keys["new"], "south": keys["new"]}, Registered(), Revoked())


def keys_of(keys, *sites):
    return {site: keys[site] for site in sites}
