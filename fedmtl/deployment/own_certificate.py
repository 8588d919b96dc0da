"""A certificate that an organisation brings itself: it must work for the host, by the CA that sites are given."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from fedmtl.deployment.authority import load_certificates
from fedmtl.deployment.files import PRIVATE, read_private, write_file
from fedmtl.errors import ConfigError


@dataclass(frozen=True)
class OwnCertificate:
    """A checked certificate, written anew from what was read: nothing else that is in the files goes along.

    Attributes:
        chain: the server's certificate first, PEM.
        key: its private key, PEM.
        ca: the CA certificates, PEM.
    """

    chain: bytes
    key: bytes
    ca: bytes


def load_own_certificate(
    certificate: Path, private_key: Path, ca: Path, host: str, now: datetime
) -> OwnCertificate:
    """Read and check the three files.

    Raises:
        ConfigError: one cannot be read, the key is another's or open to others, the certificate has ended or not
            begun, or a client that knows `ca` would not accept it for `host`.
    """
    chain = load_certificates(certificate)
    key = read_private(private_key)
    try:
        public_key = load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{private_key} is no unencrypted private key in PEM") from error
    if chain[0].public_key() != public_key:
        raise ConfigError(f"{private_key} is not the key of the first certificate in {certificate}")
    if not chain[0].not_valid_before_utc <= now <= chain[0].not_valid_after_utc:
        raise ConfigError(
            f"{certificate} is valid from {chain[0].not_valid_before_utc:%d %B %Y} "
            f"to {chain[0].not_valid_after_utc:%d %B %Y}, not now"
        )
    own = OwnCertificate(_pem(chain), key, _pem(load_certificates(ca)))
    if trouble := _handshake(own, host):
        raise ConfigError(f"{certificate} would not be accepted for {host} by {ca}: {trouble}")
    return own


def _handshake(own: OwnCertificate, host: str) -> str:
    """Why TLS between a server with the certificate and a client with the CA fails, in memory; empty if it does not."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # as Flower's clients make it
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # ssl reads certificates from files alone
        both = Path(folder) / "both.pem"
        write_file(both, own.chain + own.key, PRIVATE)
        try:
            server_context.load_cert_chain(both)
            client_context.load_verify_locations(cadata=own.ca.decode("ascii"))
        except ssl.SSLError as error:
            return str(error)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except ssl.SSLError as error:
        return str(error)
    return ""


def _pem(certificates: list[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)
