"""What `fedmtl deploy doctor` looks at in a site's folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import msgspec

from clients.ledger import MEGABYTE, UsageLedger
from clients.memory import Requirement
from clients.pinned_app import shipped_hash
from clients.registration import check_registered
from clients.sent_log import check_log
from fedmtl.deployment.doctor.certificates import check_ca
from fedmtl.deployment.doctor.clock import clock_offset, judge_offset
from fedmtl.deployment.doctor.data import check_data, make_source, refuse_unusable
from fedmtl.deployment.doctor.finding import Check, Finding, Subject
from fedmtl.deployment.doctor.installed import check_installed, compare
from fedmtl.deployment.doctor.keys import check_keys
from fedmtl.deployment.doctor.line import Line, proxy_for
from fedmtl.deployment.doctor.ports import check_free
from fedmtl.deployment.doctor.roster import check_roster
from fedmtl.deployment.doctor.storage import GIGABYTE, check_disk, check_state
from fedmtl.deployment.readiness import is_serving
from fedmtl.deployment.site import SiteConfig
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.deployment.versions import VERSIONS_PATH, Versions
from fedmtl.errors import ConfigError, DataError, RunError
from fedmtl.locking import is_held

DISK = 2 * GIGABYTE
"""For private state (three rounds deep), best models and logs; a model of 27 M parameters has 0.1 GB."""
MEMORY_SECONDS = 60.0
"""To import torch, decode an image and train on it."""
NEARLY = 0.9
"""Share of a limit from which on one is told."""


def site_checks(folder: SiteFolder, scenario: str | None) -> list[Check]:
    """All checks of a site, which may run or not.

    Args:
        scenario: that its memory should do for, a name or a file; None: a scenario's default values.
    """
    try:
        config = folder.config
    except ConfigError as error:
        reason = str(error)
        return [Check("config", lambda: [Subject("config").fail(reason)])]
    running = is_held(folder.lock)
    return [
        Check("config", lambda: _check_config(folder)),
        Check("keys", lambda: check_keys(folder.keys)),
        Check("roster", lambda: check_roster(folder)),
        Check("ca", lambda: check_ca(folder.ca, datetime.now(UTC))),
        Check("network", lambda: _check_server(folder), seconds=30.0),
        Check("supernode", partial(_check_supernode, folder, running=running)),
        Check("data", lambda: _check_data(config), seconds=60.0),
        Check(
            "memory", partial(_check_memory, folder, scenario, running=running), seconds=MEMORY_SECONDS + 15
        ),
        Check("state", lambda: check_state(folder.state)),
        Check("disk", lambda: check_disk(folder.state, DISK, "private state, models and logs")),
        Check("records", lambda: _check_records(folder)),
        Check("versions", lambda: check_installed(Versions.installed(shipped_hash()))),
    ]


def _check_config(folder: SiteFolder) -> Iterator[Finding]:
    """What site.yaml says, but for what only the data can tell."""
    subject = Subject("config")
    try:
        make_source(folder.config)
    except ConfigError as error:
        yield subject.fail(f"{folder.file}: {error}")
    else:
        yield subject.ok(f"{folder.file} is right: site {folder.config.site}")


def _check_data(config: SiteConfig) -> Iterator[Finding]:
    """The data, unless site.yaml is wrong about where it is."""
    try:
        make_source(config)
    except ConfigError:
        yield Subject("data").warn("is not checked", "first put data.source in site.yaml right")
    else:
        yield from check_data(config)


def _check_server(folder: SiteFolder) -> Iterator[Finding]:
    """The way to the server, and what the server says of itself and of this site."""
    config = folder.config
    with Line(config.server, folder.ca, proxy_for(config.server, config.proxy)) as line:
        yield from line.open()
        if not line.is_open:
            return
        answer = line.post(VERSIONS_PATH)
        if answer.date:
            yield judge_offset(clock_offset(answer.date, answer.sent, answer.received))
        else:
            yield Subject("clock").warn(
                "the server's answer has no date, so the clocks cannot be compared",
                "make sure that NTP sets this machine's clock",
            )
        yield from compare(Versions.installed(shipped_hash()), answer, "the server")
    # A new line: a server that does not know the question may have hung up.
    with Line(config.server, folder.ca, proxy_for(config.server, config.proxy)) as line:
        if not [each for each in line.open() if each.status == "fail"]:
            yield from check_registered(line, folder.keys)


def _check_supernode(folder: SiteFolder, *, running: bool) -> Iterator[Finding]:
    config, subject = folder.config, Subject("supernode")
    if not running:
        yield from check_free(config.ports)
        return
    if is_serving(config.health_port):
        yield subject.ok("the site runs, and its SuperNode's health service says SERVING")
    else:
        yield subject.fail(
            "the site runs, but its SuperNode's health service does not say SERVING",
            f"see {folder.logs / 'supernode.log'}; a SuperNode that died comes back after 65 s",
        )


def _check_memory(folder: SiteFolder, scenario: str | None, *, running: bool) -> Iterator[Finding]:
    """In a process of its own, which may die of it; not before there is data, of which the check of it tells."""
    subject, what = Subject("memory"), f"'{scenario}'" if scenario else "a scenario's default values"
    try:
        refuse_unusable(folder.config)
    except (ConfigError, DataError):
        yield subject.warn("is not checked", "first put the data right")
        return
    command = [sys.executable, "-P", "-m", "clients.memory", str(folder.file), *filter(None, [scenario])]
    quiet = {"HF_HUB_OFFLINE": "1", "FLWR_TELEMETRY_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=MEMORY_SECONDS,
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        yield subject.warn(
            f"training on one image with {what} took more than {MEMORY_SECONDS:g} s",
            "see what else this machine does",
        )
        return
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        yield subject.fail(f"one image cannot be trained on with {what}: {last[0]}")
        return
    need = msgspec.json.decode(done.stdout, type=Requirement)
    free, whose = (need.total, "are there") if running else (need.free, "are free")
    found = (
        f"training with {what} takes about {need.needed / GIGABYTE:.1f} GB on {need.device} (batch of {need.batch}, "
        f"{need.parameters / 1e6:.1f} M parameters), and {free / GIGABYTE:.1f} GB {whose}"
    )
    if need.needed > free:
        yield subject.fail(found, "free some, or ask for a run with smaller batches or images")
    elif need.needed > NEARLY * free:
        yield subject.warn(found, "free some, or ask for a run with smaller batches or images")
    else:
        yield subject.ok(found)


def _check_records(folder: SiteFolder) -> Iterator[Finding]:
    """The log of what was sent, and what is left of the limits."""
    limits, sent = folder.config.limits, Subject("sent log")
    account = UsageLedger(folder.ledger, limits).account  # before the log, which grows first
    try:
        check_log(folder.sent, account.answers, account.head)
    except RunError as error:
        yield sent.fail(str(error))
    else:
        yield sent.ok(f"is whole: {account.answers} answers, {account.sent / MEGABYTE:.1f} MB")
    used = {
        "rounds": (account.rounds, limits.rounds),
        "seconds": (account.seconds, limits.seconds),
        "megabytes": (account.sent / MEGABYTE, limits.megabytes),
    }
    for name, (amount, limit) in used.items():
        if limit is None:
            continue
        subject, found = Subject("limits"), f"{amount:.0f} of {limit:g} {name} are used up"
        advice = f"raise limits.{name} in site.yaml if the site is to go on, and restart it"
        if amount >= limit:
            yield subject.fail(found, advice)
        elif amount >= NEARLY * limit:
            yield subject.warn(found, advice)
        else:
            yield subject.ok(found)
