import base64
import json
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from flwr.supercore.primitives.asymmetric import uses_nist_ec_curve

from fedmtl.deployment.keys import KeyFolder, SiteKeys, checked, read_handed_over
from fedmtl.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    folder = KeyFolder(tmp_path / "keys", "north")
    folder.make()
    return folder


def test_private_halves_are_the_owners_alone(folder):
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    for path in (folder.node_key, folder.roster_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_flower_reads_the_node_key(folder):
    """As flower-supernode and `flwr supernode register` do."""
    private = serialization.load_ssh_private_key(folder.node_key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    keys = read_handed_over(folder.public, "north")
    public = serialization.load_ssh_public_key(keys.node_key.encode())
    assert public == private.public_key()
    assert uses_nist_ec_curve(public)


def test_what_is_handed_over_has_nothing_private(folder):
    handed = json.loads(folder.public.read_text())
    assert set(handed) == {"site", "node_key", "roster_key"}
    raw = folder.load_roster().private_bytes_raw()
    assert base64.b64encode(raw).decode() not in folder.public.read_text()


def test_the_roster_keys_halves_belong_together(folder):
    keys = read_handed_over(folder.public, "north")
    keys.roster.verify(folder.load_roster().sign(b"answer"), b"answer")


def test_keys_that_are_there_stay_and_a_lost_public_file_comes_back(folder):
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    folder.public.unlink()
    folder.make()
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


def test_two_sites_have_other_keys_and_fingerprints(folder, tmp_path):
    one, other = folder.make(), KeyFolder(tmp_path / "other", "south").make()
    assert one.node_key != other.node_key
    assert one.roster_key != other.roster_key
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == folder.make().fingerprint


def test_a_fingerprint_is_of_both_keys(folder, tmp_path):
    one, other = folder.make(), KeyFolder(tmp_path / "other", "south").make()
    mixed = SiteKeys(one.node_key, other.roster_key)
    assert len({one.fingerprint, other.fingerprint, mixed.fingerprint}) == 3


def test_a_key_that_others_can_open_is_not_used(folder):
    folder.roster_key.chmod(0o644)
    with pytest.raises(ConfigError, match=r"chmod 600 .*roster\.key"):
        folder.make()


@pytest.mark.parametrize("key", ["node_key", "roster_key"])
def test_a_damaged_key_is_not_replaced(folder, key):
    path = getattr(folder, key)
    path.write_bytes(b"damaged")
    with pytest.raises(ConfigError, match="run 'fedmtl deploy keygen'"):
        folder.make()
    assert path.read_bytes() == b"damaged"


def test_keys_of_another_kind_are_refused(folder):
    other = ec.generate_private_key(ec.SECP256R1())
    write(folder.node_key, other, serialization.PrivateFormat.OpenSSH)
    write(folder.roster_key, other, serialization.PrivateFormat.PKCS8)
    with pytest.raises(ConfigError, match="no EC P-384 key"):
        folder.load_node()
    with pytest.raises(ConfigError, match="no Ed25519 key"):
        folder.load_roster()


def write(path, key, form):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


@pytest.mark.parametrize("key", ["node_key", "roster_key"])
def test_a_private_key_handed_over_by_mistake_is_refused(folder, key):
    with pytest.raises(ConfigError, match=r"holds a private key.*hand over north\.public\.json alone"):
        read_handed_over(getattr(folder, key), "north")


def test_another_sites_file_is_refused(folder):
    with pytest.raises(ConfigError, match="keys of site 'north', not of 'south'"):
        read_handed_over(folder.public, "south")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"site": "north"}', '{"site": 1, "node_key": "", "roster_key": ""}', b"\xff\xfe"]
)
def test_what_is_no_public_file_is_refused(tmp_path, text):
    path = tmp_path / "north.public.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match="is not what 'fedmtl deploy keygen' made public"):
        read_handed_over(path, "north")


def test_a_key_more_is_refused(folder):
    handed = json.loads(folder.public.read_text()) | {"more": 1}
    folder.public.write_text(json.dumps(handed))
    with pytest.raises(ConfigError, match="is not what"):
        read_handed_over(folder.public, "north")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"node_key": "ecdsa-sha2-nistp384 AAAA"}, "node_key is no OpenSSH public key"),
        ({"node_key": "ключ"}, "node_key is no OpenSSH public key"),
        ({"roster_key": "-"}, "roster_key is not base64"),
        ({"roster_key": "ключ"}, "roster_key is not base64"),
        ({"roster_key": "AAAA"}, "must be 32 bytes of an Ed25519 key, not 3"),
    ],
)
def test_malformed_keys_are_refused(folder, change, message):
    keys = folder.make()
    given = {"node_key": keys.node_key, "roster_key": keys.roster_key} | change
    with pytest.raises(ConfigError, match=f"here: .*{message}"):
        checked(SiteKeys(**given), "here")


def test_a_node_key_of_another_curve_is_refused(folder):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = other.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    with pytest.raises(ConfigError, match="no EC P-384 key"):
        checked(SiteKeys(text, folder.make().roster_key), "here")


def test_an_ed25519_node_key_is_refused(folder):
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    text = other.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    with pytest.raises(ConfigError, match="no EC P-384 key"):
        checked(SiteKeys(text, folder.make().roster_key), "here")


def test_equal_keys_become_equal_text(folder):
    keys = folder.make()
    assert checked(SiteKeys(f"{keys.node_key} someone@there", keys.roster_key), "here") == keys


def test_keys_that_were_not_made_yet_are_told_with_the_way_to_make_them(tmp_path):
    folder = KeyFolder(tmp_path / "keys", "north")
    for load in (folder.load_node, folder.load_roster):
        with pytest.raises(ConfigError, match=r"\.key is missing: make it with 'fedmtl deploy keygen'"):
            load()
