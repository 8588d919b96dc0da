"""What the server's own processes trust each other by."""

import ssl
from datetime import timedelta

import pytest

from server import loopback
from server.loopback import Loopback


def test_private_files_are_private_and_a_start_makes_a_new_secret_but_no_new_certificate(tmp_path):
    """Who stands between the gateway and SuperLink, such as nginx, trusts the certificate by its file."""
    files = Loopback(tmp_path)
    files.prepare()
    before = [path.read_bytes() for path in (files.certificate, files.private_key, files.secret)]
    assert {path.stat().st_mode & 0o777 for path in (files.private_key, files.secret)} == {0o600}
    files.prepare()
    after = [path.read_bytes() for path in (files.certificate, files.private_key, files.secret)]
    assert before[:2] == after[:2]
    assert before[2] != after[2]


def test_a_certificate_that_is_about_to_end_is_made_anew(tmp_path, monkeypatch):
    files = Loopback(tmp_path)
    monkeypatch.setattr(loopback, "LIFE", timedelta(days=300))
    files.prepare()
    before = files.certificate.read_bytes()
    files.prepare()
    assert files.certificate.read_bytes() != before


def test_it_is_for_loopback_alone_and_strict_clients_accept_it(tmp_path):
    files = Loopback(tmp_path)
    files.prepare()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.private_key)
    client = files.client_context()
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    shake(client, server, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(client, server, "example.org")


def shake(client, server, host):
    """A TLS handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for side in (*sides, *sides):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
