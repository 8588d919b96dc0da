"""Certificates: the server's with its key, and the CA that sites know it by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509

from fedmtl.deployment.authority import RENEW_BEFORE, load_certificates
from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.own_certificate import load_own_certificate
from fedmtl.errors import ConfigError

_RENEW = "run 'fedmtl deploy init' again where the kit was made, copy tls/ here, and restart the server"


def check_server_certificate(
    certificate: Path, private_key: Path, ca: Path, host: str, now: datetime
) -> Iterator[Finding]:
    """Whether sites that know `ca` accept the certificate for `host`, and for how long; and whether its key is safe."""
    subject = Subject("tls")
    try:
        load_own_certificate(certificate, private_key, ca, host, now)
    except ConfigError as error:
        yield subject.fail(str(error), "" if "chmod" in str(error) else _RENEW)
        return
    yield judge_end(
        subject, str(certificate), load_certificates(certificate)[0].not_valid_after_utc, now, _RENEW
    )
    ends = [each.not_valid_after_utc for each in load_certificates(ca)]
    yield judge_end(subject, str(ca), min(ends), now, "make a new CA, and give every site its ca.crt")


def check_ca(path: Path, now: datetime) -> Iterator[Finding]:
    """Whether a site could know a server by the CA in `path`."""
    subject = Subject("ca")
    advice = "ask the server's operator for ca.crt again"
    certificates = load_certificates(path)
    if not any(_is_ca(certificate) for certificate in certificates):
        yield subject.fail(f"{path} has no certificate of a CA", advice)
        return
    yield judge_end(
        subject,
        str(path),
        max(each.not_valid_after_utc for each in certificates if _is_ca(each)),
        now,
        advice,
    )


def judge_end(subject: Subject, name: str, end: datetime, now: datetime, advice: str) -> Finding:
    """The finding about a certificate that is valid until `end`."""
    found = f"{name} ends on {end:%d %B %Y}"
    if end < now:
        return subject.fail(f"{name} ended on {end:%d %B %Y}", advice)
    left = f"in {(end - now).days} days"
    if end - now < RENEW_BEFORE:
        return subject.warn(f"{found}, {left}", advice)
    return subject.ok(f"{found}, {left}")


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
