"""Versions: of what is installed here, and of the other side."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

import msgspec

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.doctor.line import Answer
from fedmtl.deployment.versions import Versions

_VERSIONS = Subject("versions")


def check_installed(own: Versions) -> Iterator[Finding]:
    """What is installed here."""
    yield _VERSIONS.ok(
        f"fedmtl {own.fedmtl}, flwr {own.flwr}, torch {version('torch')}, Python {platform.python_version()}, "
        f"app {own.app[:12]}"
    )


def compare(own: Versions, answer: Answer, other: str) -> Iterator[Finding]:
    """Whether the other side, which gave this answer, has the same.

    Args:
        other: whose it is.
    """
    try:
        theirs = msgspec.json.decode(answer.body, type=Versions)
    except msgspec.MsgspecError:
        yield _VERSIONS.warn(
            f"{other} does not say which it has (HTTP {answer.status})",
            "find out whether it is a fedmtl server of this version",
        )
        return
    for name in ("fedmtl", "flwr", "app"):
        mine, its = getattr(own, name), getattr(theirs, name)
        if mine != its:
            found = f"{other} has {name} {its[:12]}, and here is {mine[:12]}"
            advice = "install the same on both sides"
            # A site takes part with the app that it has itself, and with no other.
            yield _VERSIONS.warn(found, advice) if name == "flwr" else _VERSIONS.fail(found, advice)
            return
    yield _VERSIONS.ok(f"{other} has the same fedmtl, flwr and app")
