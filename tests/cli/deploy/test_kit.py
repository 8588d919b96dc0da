import json
import os

import pytest

from fedmtl.deployment.federation import EXAMPLE
from tests.deployment.kits import FEDERATION, tree, write_federation


@pytest.fixture
def kit(fedmtl, tmp_path):
    write_federation(tmp_path)
    assert fedmtl("deploy", "init", "federation.yaml").code == 0
    return tmp_path / "kit"


def test_without_a_file_the_least_that_can_stand_in_one_is_shown(fedmtl):
    ended = fedmtl("deploy", "init")
    assert ended.code == 1
    assert ended.err.startswith(
        "fedmtl: name a federation.yaml: fedmtl deploy init federation.yaml --out kit"
    )
    assert EXAMPLE in ended.err


def test_from_the_kit_to_a_registered_site_and_out_again(fedmtl, kit, tmp_path):
    handed = fedmtl("deploy", "keygen", "kit/sites/south")
    fingerprint = handed.out.splitlines()[1].removeprefix("tell them by telephone: ")
    public = kit / "sites" / "south" / "keys" / "south.public.json"
    assert str(public) in handed.out
    public.rename(tmp_path / "south.json")
    write_federation(tmp_path, FEDERATION.replace("tasks: [depth]", "public_keys: south.json"))

    again = fedmtl("deploy", "init", "federation.yaml")
    assert f"site south is registered with keys; compare by telephone: {fingerprint}" in again.out
    sites = kit / "server" / "sites.json"
    assert set(json.loads(sites.read_text())) == {"south"}

    revoked = fedmtl("deploy", "revoke", "kit", "south")
    assert (revoked.code, json.loads(sites.read_text())) == (0, {})
    assert "site south is revoked" in revoked.out
    assert "south stays out" in fedmtl("deploy", "init", "federation.yaml").out


def test_whoever_stays_is_sent_the_roster_without_the_one_that_went(fedmtl, tmp_path):
    write_federation(tmp_path)
    assert fedmtl("deploy", "init", "federation.yaml", "--dev-keys").code == 0
    told = fedmtl("deploy", "revoke", "kit", "south").out.splitlines()[-1]
    assert told.startswith("kit/sites/north/roster.json is new: send it to site north")


def test_keygen_is_for_the_folder_that_it_stands_in(fedmtl, kit, monkeypatch):
    monkeypatch.chdir(kit / "sites" / "north")
    assert fedmtl("deploy", "keygen").code == 0
    assert (kit / "sites" / "north" / "keys" / "north.public.json").exists()


def test_keys_are_private_whatever_the_umask(fedmtl, kit):
    before = os.umask(0)
    try:
        fedmtl("deploy", "keygen", "kit/sites/north")
    finally:
        os.umask(before)
    modes = {path: mode & 0o777 for path, (_, mode) in tree(kit / "sites" / "north" / "keys").items()}
    assert modes["node.key"] == modes["roster.key"] == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["init", "none.yaml"], "none.yaml cannot be read"),
        (["keygen", "kit"], "site.yaml cannot be read"),
        (["revoke", "kit", "west"], "site 'west' is not registered"),
        (["revoke", "nothing", "west"], "nothing is no kit"),
    ],
)
def test_failures_are_one_sentence(fedmtl, kit, words, message):
    ended = fedmtl("deploy", *words)
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err
