"""What the server's own processes need to trust each other on loopback: a certificate, and a secret.

SuperLink's certificate is not the public one: that need not be valid for 127.0.0.1, and is renewed on its own terms.
"""

from __future__ import annotations

import ipaddress
import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fedmtl.deployment.files import PRIVATE, write_file
from fedmtl.deployment.readiness import HOST

LIFE = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=365)
SECRET_BYTES = 32


@dataclass(frozen=True)
class Loopback:
    """Paths of the loopback certificate, its key and the secret, in a folder of mode 0700."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """PEM, self-signed, for 127.0.0.1: certificate and CA in one."""
        return self.folder / "loopback.crt"

    @property
    def private_key(self) -> Path:
        return self.folder / "loopback.key"

    @property
    def secret(self) -> Path:
        """What whoever takes a ServerApp's task from SuperLink has to know."""
        return self.folder / "superexec.secret"

    def prepare(self) -> None:
        """Make the secret anew, and the certificate where there is none, or it will have ended in a year.

        Raises:
            RunError: a file cannot be written.
        """
        write_file(self.secret, secrets.token_bytes(SECRET_BYTES), PRIVATE)
        if self.private_key.exists() and self.certificate.exists():
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            if certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE:
                return
        self._make_certificate()

    def _make_certificate(self) -> None:
        key = generate_private_key(SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fedmtl loopback")])
        begin = datetime.now(UTC) - timedelta(hours=1)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + LIFE)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(identifier, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
            .sign(key, SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_file(self.private_key, pem, PRIVATE)
        write_file(self.certificate, certificate.public_bytes(Encoding.PEM))

    def client_context(self) -> ssl.SSLContext:
        """TLS that trusts this certificate alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(self.certificate)
        return context
