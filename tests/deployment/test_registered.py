import pytest

from fedmtl.deployment.keys import KeyFolder, SiteKeys
from fedmtl.deployment.registered import Registered, Revoked
from fedmtl.errors import ConfigError


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {site: KeyFolder(folder / site, site).make() for site in ("north", "south", "west")}


def test_what_is_saved_is_loaded(tmp_path, keys):
    path = tmp_path / "sites.json"
    registered = Registered().add("south", keys["south"]).add("north", keys["north"])
    assert registered.save(path)
    assert Registered.load(path) == registered
    assert not Registered.load(path).save(path)


def test_the_order_of_registering_does_not_show(tmp_path, keys):
    Registered().add("south", keys["south"]).add("north", keys["north"]).save(tmp_path / "one")
    Registered().add("north", keys["north"]).add("south", keys["south"]).save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_nobody_is_registered_where_there_is_no_file(tmp_path):
    assert Registered.load(tmp_path / "sites.json").sites == {}


def test_registering_again_replaces(keys):
    registered = Registered().add("north", keys["north"]).add("north", keys["south"])
    assert registered.sites == {"north": keys["south"]}


@pytest.mark.parametrize("shared", ["node_key", "roster_key"])
def test_no_two_sites_share_a_key(keys, shared):
    mixed = {"node_key": keys["south"].node_key, "roster_key": keys["south"].roster_key}
    mixed[shared] = getattr(keys["north"], shared)
    with pytest.raises(ConfigError, match="sites 'north' and 'south' have the same key"):
        Registered().add("north", keys["north"]).add("south", SiteKeys(**mixed))


def test_revoking_leaves_the_others(keys):
    registered = Registered({site: keys[site] for site in keys}).revoke("south")
    assert registered.sites == {"north": keys["north"], "west": keys["west"]}


def test_who_is_not_registered_cannot_be_revoked(keys):
    with pytest.raises(ConfigError, match=r"'south' is not registered.*registered: north"):
        Registered().add("north", keys["north"]).revoke("south")
    with pytest.raises(ConfigError, match="registered: nobody"):
        Registered().revoke("south")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"north": {}}', '{"north": {"node_key": "x", "roster_key": "y"}}']
)
def test_a_damaged_file_is_a_sentence(tmp_path, text):
    path = tmp_path / "sites.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"sites\.json"):
        Registered.load(path)


def test_a_file_with_one_key_twice_is_refused(tmp_path, keys):
    path = tmp_path / "sites.json"
    Registered({"north": keys["north"], "south": keys["north"]}).save(path)
    with pytest.raises(ConfigError, match="have the same key"):
        Registered.load(path)


def test_either_key_is_revoked_by_itself(tmp_path, keys):
    Revoked().add("north", keys["north"]).save(tmp_path / "revoked.json")
    revoked = Revoked.load(tmp_path / "revoked.json")
    assert keys["north"] in revoked
    assert SiteKeys(keys["north"].node_key, keys["south"].roster_key) in revoked
    assert SiteKeys(keys["south"].node_key, keys["north"].roster_key) in revoked
    assert keys["south"] not in revoked
