"""What `fedmtl deploy doctor` looks at in a server's folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import timm
import torch

from fedmtl.config import Scenario
from fedmtl.deployment.doctor.certificates import check_server_certificate
from fedmtl.deployment.doctor.clock import check_time_service
from fedmtl.deployment.doctor.finding import Check, Finding, Subject
from fedmtl.deployment.doctor.installed import check_installed, compare
from fedmtl.deployment.doctor.line import Line
from fedmtl.deployment.doctor.ports import check_free, check_loopback_alone
from fedmtl.deployment.doctor.runs import check_runs
from fedmtl.deployment.doctor.storage import GIGABYTE, check_disk, check_state
from fedmtl.deployment.readiness import is_listening, is_serving, loopback_of
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.run_state import deployed_runs, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ServerStatus, lock_of, read_status
from fedmtl.deployment.versions import VERSIONS_PATH, Versions
from fedmtl.errors import ConfigError, ModelError
from fedmtl.locking import is_held
from fedmtl.scenario import load_scenario
from fedmtl.shipped import find
from server.control import shipped_app

SPARE = GIGABYTE
"""Of disk, for logs and SuperLink's database."""
GROWTH = 3
"""A checkpoint against its backbone's parameters: adapters, attention and heads, and a method's own state."""
STALE = timedelta(seconds=60)
"""The server writes its status once a second."""
_CLOSED = ("/v1/control/list-runs", "/v1/control/start-run", "/v1/runtime/acquire-task")
"""Of SuperLink's APIs, what nobody outside may reach."""


def server_checks(folder: ServerFolder, scenario: str | None) -> list[Check]:
    """All checks of a server, which may run or not.

    Args:
        scenario: that its disk should do for, a name or a file; None: a scenario's default values.
    """
    try:
        federation = folder.federation
    except ConfigError as error:
        reason = str(error)
        return [Check("config", lambda: [Subject("config").fail(reason)])]
    running, server = is_held(lock_of(folder)), federation.server
    right = f"federation.yaml is right: {federation.name}, {len(federation.sites)} sites"
    return [
        Check("config", lambda: [Subject("config").ok(right)]),
        Check(
            "tls",
            lambda: check_server_certificate(
                folder.certificate, folder.private_key, folder.ca, server.host, datetime.now(UTC)
            ),
        ),
        *(_during(folder) if running else [Check("ports", lambda: check_free(server.ports))]),
        Check("sites", partial(_check_sites, folder, running=running)),
        Check("runs", partial(check_runs, folder, alive=running)),
        Check("state", lambda: check_state(folder.state)),
        Check("disk", lambda: _check_disk(folder, scenario)),
        Check("clock", check_time_service),
        Check("versions", lambda: check_installed(_own_versions())),
    ]


def _during(folder: ServerFolder) -> list[Check]:
    server = folder.federation.server
    inside = {"SuperLink": server.superlink_port, "SuperLink's health service": server.health_port}
    return [
        Check("processes", lambda: _check_processes(folder)),
        Check("superlink", lambda: _check_superlink(folder)),
        Check("loopback", lambda: check_loopback_alone(inside)),
        Check("gateway", lambda: _check_gateway(folder), seconds=30.0),
    ]


def _check_processes(folder: ServerFolder) -> Iterator[Finding]:
    subject, status = Subject("processes"), read_status(folder)
    if status is None:
        yield subject.warn("the server has only just started", "ask again in a moment")
        return
    for process in status.processes:
        if not process.ready:
            yield subject.fail(
                f"{process.name} is not ready: {process.trouble}", "it is started again by itself"
            )
    age = datetime.now(UTC) - datetime.fromisoformat(status.time)
    if age > STALE:
        yield subject.fail(
            f"the server has said nothing of itself for {age.total_seconds():.0f} s",
            f"see {folder.logs / 'server.log'}, and restart it",
        )
    elif status.trouble:
        yield subject.fail(status.trouble, f"see {folder.logs / 'server.log'}")
    elif all(process.ready for process in status.processes):
        again = sum(process.restarts for process in status.processes)
        yield subject.ok(
            f"{', '.join(process.name for process in status.processes)} are ready"
            + (f"; {again} restarts so far" if again else "")
        )


def _check_superlink(folder: ServerFolder) -> Iterator[Finding]:
    subject, server = Subject("superlink"), folder.federation.server
    if is_serving(server.health_port):
        yield subject.ok("its health service says SERVING")
    else:
        yield subject.fail("its health service does not say SERVING", f"see {folder.logs / 'superlink.log'}")
    if not is_listening(server.probe_port, loopback_of(server.probe_bind)):
        yield Subject("probes").fail(
            f"nobody listens on probe_port {server.probe_port}", "restart the server"
        )


def _check_gateway(folder: ServerFolder) -> Iterator[Finding]:
    """The public port, as a site meets it."""
    subject, server = Subject("gateway"), folder.federation.server
    at = (loopback_of(server.bind), server.port)
    with Line(server.address, folder.ca, at=at) as line:
        yield from line.open()
        if not line.is_open:
            return
        yield from compare(_own_versions(), line.post(VERSIONS_PATH), "the running gateway")
    for path in _CLOSED:
        with Line(server.address, folder.ca, at=at) as line:
            if [each for each in line.open() if each.status == "fail"]:
                return
            status = line.post(path).status
        if status not in (403, 404, 405):
            yield subject.fail(
                f"POST {path} is answered with HTTP {status} on the public port",
                f"close port {server.port}, by which anybody can start runs, and find out what listens there",
            )
            return
    yield subject.ok("lets the fleet API through, and neither the control nor the runtime API")


def _check_sites(folder: ServerFolder, *, running: bool) -> Iterator[Finding]:
    subject, registered = Subject("sites"), Registered.load(folder.sites).sites
    status = read_status(folder) or ServerStatus(0, "")
    for site in folder.federation.sites:
        state = status.sites.get(site, "registered")
        if site not in registered:
            yield subject.warn(
                f"{site} is not registered",
                "name its public file in federation.yaml when it comes, and run 'fedmtl deploy init' again",
            )
        elif state == "unregistered":
            yield subject.fail(
                f"{site} has keys that were unregistered once, which SuperLink never takes back",
                "give it new keys",
            )
        elif running and state != "online":
            yield subject.warn(f"{site} is not connected", "have the site run its doctor")
        else:
            yield subject.ok(f"{site} is {state}")
    for site in registered.keys() - folder.federation.sites.keys():
        yield subject.warn(
            f"{site} is registered and not in federation.yaml",
            f"put it back, or run 'fedmtl deploy revoke KIT {site}'",
        )


def _check_disk(folder: ServerFolder, scenario: str | None) -> Iterator[Finding]:
    """Room for the checkpoints of every run that is not over and one more, and for a round's messages."""
    settings = load_scenario(find(scenario)) if scenario else Scenario(name="default")
    model = _backbone_bytes(settings)
    kept = settings.checkpoint.keep + 1  # the next one is written before the oldest goes
    runs = 1 + sum(not read_run_state(path).over for path in deployed_runs(folder.runs))
    messages = 2 * GROWTH * model * len(folder.federation.sites)
    needed = runs * kept * GROWTH * model + messages + SPARE
    what = (
        f"{runs} runs with {kept} checkpoints each, {len(folder.federation.sites)} sites' messages, and logs"
    )
    yield from check_disk(folder.path, needed, what)


def _backbone_bytes(scenario: Scenario) -> int:
    name = scenario.model.backbone.name
    try:
        with torch.device("meta"):  # counted, not made
            backbone = timm.create_model(name, pretrained=False)
    except RuntimeError as error:
        raise ModelError(f"model.backbone.name: timm has no '{name}'") from error
    return 4 * sum(parameter.numel() for parameter in backbone.parameters())


def _own_versions() -> Versions:
    return Versions.installed(shipped_app().hash_str)
