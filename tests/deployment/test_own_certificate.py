from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from fedmtl.deployment.authority import Authority
from fedmtl.deployment.files import write_file
from fedmtl.deployment.own_certificate import load_own_certificate
from fedmtl.errors import ConfigError

HOST = "fl.example.org"


@pytest.fixture
def now():
    return datetime.now(UTC)  # TLS itself looks at the clock


@pytest.fixture
def own(tmp_path, now):
    """certificate, private key, ca."""
    authority, _ = Authority.open(tmp_path / "ca", "own", now)
    paths = tmp_path / "own.crt", tmp_path / "own.key", tmp_path / "ca" / "ca.crt"
    authority.server_certificate(paths[0], paths[1], HOST, now)
    return paths


def test_a_good_one_is_taken(own, now):
    loaded = load_own_certificate(*own, HOST, now)
    assert (loaded.chain, loaded.key, loaded.ca) == tuple(path.read_bytes() for path in own)


def test_nothing_but_certificates_is_taken_along(own, now):
    before = load_own_certificate(*own, HOST, now)
    for path in (own[0], own[2]):
        path.write_bytes("# Größe\n".encode() + own[1].read_bytes() + path.read_bytes())
    after = load_own_certificate(*own, HOST, now)
    assert (after.chain, after.ca) == (before.chain, before.ca)
    assert b"PRIVATE" not in after.chain + after.ca


def test_another_host_is_refused(own, now):
    with pytest.raises(ConfigError, match=r"not be accepted for other\.org by .*: Hostname mismatch"):
        load_own_certificate(*own, "other.org", now)


def test_another_ca_is_refused(own, now, tmp_path):
    Authority.open(tmp_path / "other", "other", now)
    with pytest.raises(ConfigError, match=r"not be accepted for .*: unable to get local issuer"):
        load_own_certificate(own[0], own[1], tmp_path / "other" / "ca.crt", HOST, now)


@pytest.mark.parametrize("days", [-1, 826])
def test_one_that_is_not_valid_now_is_refused(own, now, days):
    with pytest.raises(ConfigError, match=r"is valid from .* to .*, not now"):
        load_own_certificate(*own, HOST, now + timedelta(days=days))


def test_another_key_is_refused(own, now):
    with pytest.raises(ConfigError, match=r"ca\.key is not the key of the first certificate in"):
        load_own_certificate(own[0], own[2].with_name("ca.key"), own[2], HOST, now)


def test_a_key_that_others_can_read_is_refused(own, now):
    own[1].chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_own_certificate(*own, HOST, now)


def test_an_encrypted_key_is_refused(own, now, tmp_path):
    authority, _ = Authority.open(tmp_path / "ca", "own", now)
    content = authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    write_file(own[1], content)
    own[1].chmod(0o600)
    with pytest.raises(ConfigError, match="no unencrypted private key"):
        load_own_certificate(*own, HOST, now)


@pytest.mark.parametrize("missing", range(3))
def test_a_missing_file_is_named(own, now, missing):
    own[missing].unlink()
    with pytest.raises(ConfigError, match=f"{own[missing].name} cannot be read"):
        load_own_certificate(*own, HOST, now)
