"""The kit's own certificate authority, and the server's certificate by it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedmtl.deployment.files import PRIVATE, read_file, read_private, write_file
from fedmtl.errors import ConfigError

CA_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)
CLOCKS_APART = timedelta(hours=1)
"""Certificates begin so much earlier, for machines whose clock is behind."""
LOOPBACK = ("localhost", "127.0.0.1")
"""The certificate is for these as well: a check or a reverse proxy on the server's machine reaches it by them."""


@dataclass(frozen=True)
class Authority:
    """The CA: its certificate, and the key that signs the server's."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def open(cls, folder: Path, federation: str, now: datetime) -> tuple[Authority, bool]:
        """The CA in `folder`, made where there is none, and whether it was made.

        Args:
            federation: its certificate names it.

        Raises:
            ConfigError: its key is damaged, open to others or not the certificate's, or it is about to end.
            RunError: a file cannot be written.
        """
        key_path, path = folder / "ca.key", folder / "ca.crt"
        key = _key(key_path)
        if made := not path.exists():
            write_file(path, _pem(_ca_certificate(key, federation, now)))
        certificate = load_certificates(path)[0]
        if certificate.public_key() != key.public_key():
            raise ConfigError(f"{key_path} is not the key of {path}; restore both from a copy")
        if certificate.not_valid_after_utc - now < RENEW_BEFORE:
            raise ConfigError(
                f"{path} ends on {certificate.not_valid_after_utc:%d %B %Y}: move {folder} away, run init again, "
                "and give the new ca.crt to every site"
            )
        return cls(certificate, key), made

    def server_certificate(self, path: Path, key_path: Path, host: str, now: datetime) -> str:
        """See to it that a certificate for `host` is at `path`, and its key at `key_path`.

        The key stays when the certificate is renewed, so that the two never disagree.

        Returns:
            Why it was issued; empty where the one that is there does.

        Raises:
            ConfigError: the key is damaged or open to others.
            RunError: a file cannot be written.
        """
        key = _key(key_path)
        names = [general_name(name) for name in dict.fromkeys((host, *LOOPBACK))]
        if reason := self._why_issue(path, key, names, now):
            write_file(path, _pem(self._issue(key, names, now)))
        return reason

    def _why_issue(
        self, path: Path, key: EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], now: datetime
    ) -> str:
        if not path.exists():
            return "there was none"
        certificate = load_certificates(path)[0]
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return "the CA is another"
        if certificate.public_key() != key.public_key():
            return "its key is another"
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if list(held) != list(names):
            return "the host is another"
        if certificate.not_valid_after_utc - now < RENEW_BEFORE:
            return f"it would end on {certificate.not_valid_after_utc:%d %B %Y}"
        return ""

    def _issue(
        self, key: EllipticCurvePrivateKey, names: Sequence[x509.GeneralName], now: datetime
    ) -> x509.Certificate:
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        end = min(now + SERVER_LIFE, self.certificate.not_valid_after_utc)
        return (
            _builder("fedmtl server", self.certificate.subject, key.public_key(), now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False
            )
            .sign(self.key, SHA256())
        )


def load_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM file, at least one.

    Raises:
        ConfigError: it cannot be read, or has none.
    """
    try:
        return x509.load_pem_x509_certificates(read_file(path))
    except ValueError as error:
        raise ConfigError(f"{path} has no certificates in PEM") from error


def general_name(host: str) -> x509.GeneralName:
    """A host as certificates name it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _ca_certificate(key: EllipticCurvePrivateKey, federation: str, now: datetime) -> x509.Certificate:
    name = f"fedmtl CA of {federation}".encode()[:64].decode(errors="ignore")  # as long as X.509 allows
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        _builder(name, subject, key.public_key(), now, now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )


def _builder(
    name: str, issuer: x509.Name, key: EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_APART)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key(path: Path) -> EllipticCurvePrivateKey:
    """The EC key at `path`, made where there is none."""
    if not path.exists():
        key = generate_private_key(SECP256R1())
        write_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), PRIVATE)
    try:
        loaded = load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"{path} is no unencrypted key in PEM; restore it from a copy, or move it away"
        ) from error
    if not isinstance(loaded, EllipticCurvePrivateKey):
        raise ConfigError(f"{path} is no EC key; restore it from a copy, or move it away")
    return loaded


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
