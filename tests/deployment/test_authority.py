import ipaddress
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from fedmtl.deployment.authority import Authority, load_certificates
from fedmtl.errors import ConfigError
from tests.deployment.kits import NOW

DAY = timedelta(days=1)


class Made:
    """A CA and a server's certificate in a folder."""

    def __init__(self, folder, host="fl.example.org"):
        self.ca, self.path, self.key = folder / "ca", folder / "server.crt", folder / "server.key"
        self.issue(host, NOW)

    def issue(self, host, now):
        authority, _ = Authority.open(self.ca, "streets", now)
        return authority.server_certificate(self.path, self.key, host, now)

    def verify(self, host, now=NOW, ca=None):
        """As strictly as the web's rules are (RFC 5280 and the CA/Browser Forum's)."""
        store = Store(load_certificates((ca or self.ca) / "ca.crt"))
        verifier = PolicyBuilder().store(store).time(now).build_server_verifier(host)
        return verifier.verify(load_certificates(self.path)[0], [])


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)


def extension(path, kind):
    return load_certificates(path)[0].extensions.get_extension_for_class(kind)


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("fl.example.org"),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ],
)
def test_the_chain_verifies_for_the_host_and_loopback(made, name):
    assert len(made.verify(name)) == 2


def test_it_does_not_verify_for_another_host_or_by_another_ca(made, tmp_path):
    with pytest.raises(VerificationError):
        made.verify(x509.DNSName("example.org"))
    Authority.open(tmp_path / "other", "streets", NOW)
    with pytest.raises(VerificationError):
        made.verify(x509.DNSName("fl.example.org"), ca=tmp_path / "other")


@pytest.mark.parametrize("host", ["10.0.0.7", "fd00::7"])
def test_a_host_can_be_an_address(tmp_path, host):
    made = Made(tmp_path, host)
    assert made.verify(x509.IPAddress(ipaddress.ip_address(host)))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_loopback_is_named_once(tmp_path, host):
    names = extension(Made(tmp_path, host).path, x509.SubjectAlternativeName).value
    assert len(list(names)) == 2


def test_the_ca_can_sign_servers_and_no_further_ca(made):
    constraints = extension(made.ca / "ca.crt", x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert extension(made.ca / "ca.crt", x509.KeyUsage).value.key_cert_sign
    assert extension(made.path, x509.BasicConstraints).value == x509.BasicConstraints(False, None)
    assert not extension(made.path, x509.KeyUsage).value.key_cert_sign
    assert list(extension(made.path, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_keys_are_p256_and_the_owners_alone(made):
    for key, certificate in ((made.ca / "ca.key", made.ca / "ca.crt"), (made.key, made.path)):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert isinstance(load_certificates(certificate)[0].public_key().curve, SECP256R1)


def test_how_long_they_last(made):
    ca, server = (load_certificates(path)[0] for path in (made.ca / "ca.crt", made.path))
    assert ca.not_valid_after_utc - NOW == 3650 * DAY
    assert server.not_valid_after_utc - NOW == 825 * DAY
    assert NOW - DAY < server.not_valid_before_utc < NOW


def test_a_certificate_stays_until_its_last_30_days(made):
    before = made.path.read_bytes(), made.key.read_bytes()
    assert made.issue("fl.example.org", NOW + 794 * DAY) == ""
    assert (made.path.read_bytes(), made.key.read_bytes()) == before


def test_it_is_renewed_by_the_same_ca_with_the_same_key(made):
    ca, key = (made.ca / "ca.crt").read_bytes(), made.key.read_bytes()
    later = NOW + 796 * DAY
    assert made.issue("fl.example.org", later) == "it would end on 03 August 2032"
    assert made.verify(x509.DNSName("fl.example.org"), now=later + 800 * DAY)
    assert ((made.ca / "ca.crt").read_bytes(), made.key.read_bytes()) == (ca, key)


def test_a_certificate_never_outlives_its_ca(made):
    later = NOW + 3600 * DAY
    made.issue("fl.example.org", later)
    server, ca = (load_certificates(path)[0] for path in (made.path, made.ca / "ca.crt"))
    assert server.not_valid_after_utc == ca.not_valid_after_utc


def test_a_ca_in_its_last_30_days_is_refused_with_the_way_out(made):
    with pytest.raises(ConfigError, match=r"move .* away, run init again, and give the new"):
        made.issue("fl.example.org", NOW + 3621 * DAY)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda made: made.key.unlink(), "its key is another"),
        (lambda made: made.path.unlink(), "there was none"),
        (lambda made: [path.unlink() for path in made.ca.iterdir()], "the CA is another"),
    ],
)
def test_a_certificate_that_does_not_fit_is_issued_again(made, change, reason):
    change(made)
    assert made.issue("fl.example.org", NOW) == reason
    assert made.issue("fl.example.org", NOW) == ""
    assert made.verify(x509.DNSName("fl.example.org"))


def test_another_host_has_a_certificate_issued(made):
    assert made.issue("other.example.org", NOW) == "the host is another"
    assert made.verify(x509.DNSName("other.example.org"))


def test_a_ca_goes_on_with_its_key_where_only_the_certificate_was_lost(made):
    (made.ca / "ca.crt").unlink()
    assert made.issue("fl.example.org", NOW) == ""
    assert made.verify(x509.DNSName("fl.example.org"))


def test_another_cas_key_is_refused(made, tmp_path):
    Authority.open(tmp_path / "other", "streets", NOW)
    (made.ca / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    with pytest.raises(ConfigError, match=r"ca\.key is not the key of"):
        made.issue("fl.example.org", NOW)


def test_a_ca_key_that_others_can_read_is_refused(made):
    (made.ca / "ca.key").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        made.issue("fl.example.org", NOW)


def test_a_federation_can_have_a_long_name(tmp_path):
    authority, made = Authority.open(tmp_path / "ca", "ä" * 100, NOW)
    assert made
    assert authority.certificate.subject == authority.certificate.issuer


def test_what_is_no_certificate_is_a_sentence(tmp_path):
    (tmp_path / "x.crt").write_text("none")
    with pytest.raises(ConfigError, match=r"x\.crt has no certificates in PEM"):
        load_certificates(tmp_path / "x.crt")
