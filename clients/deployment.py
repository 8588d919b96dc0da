"""`fedmtl deploy site`: the SuperNode and the worker of a site, kept running."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cryptography import x509

from clients.ledger import UsageLedger
from clients.sent_log import SentLog
from clients.supernode import deployed_supernode_command
from fedmtl.deployment.child import Program
from fedmtl.deployment.doctor.data import refuse_unusable
from fedmtl.deployment.doctor.ports import refuse_taken
from fedmtl.deployment.files import PRIVATE, make_folder, read_file, remove_partials, write_file
from fedmtl.deployment.readiness import is_serving
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.deployment.supervision import Supervisor, stopped_by_signals
from fedmtl.errors import ConfigError
from fedmtl.locking import hold

REST_SECONDS = 65.0
"""SuperLink refuses a node that comes back within two of its heartbeats of 30 s, and the SuperNode then ends."""
SECRET_BYTES = 32
_LOOPBACK = "localhost,127.0.0.1,::1"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def run_site(folder: SiteFolder) -> None:
    """Take part until SIGTERM or SIGINT, whether the server is there or not.

    Raises:
        ConfigError: site.yaml is wrong, a key or a certificate is missing, or the data lacks a task that is offered.
        DataError: the data is not there, or has no images to train on.
        RunError: another process works in the site's state, what was recorded there is damaged, or another program has
            one of the site's ports.
    """
    with prepared(folder), stopped_by_signals() as stop:
        refuse_unusable(folder.config)
        refuse_taken(folder.config.ports)
        Supervisor(programs(folder)).run(stop)


@contextmanager
def prepared(folder: SiteFolder) -> Iterator[None]:
    """The site's state, checked and held against a second process.

    Raises:
        ConfigError, RunError: as for `run_site`.
    """
    folder.keys.load_node()
    folder.keys.load_roster()
    _check_ca(folder.ca)
    make_folder(folder.state, 0o700)
    os.chmod(folder.state, 0o700)
    with hold(folder.lock, "stop it first; a site runs once"):
        remove_partials(folder.state)
        account = UsageLedger(folder.ledger, folder.config.limits).account
        SentLog(folder.sent, account.answers, account.head)
        write_file(folder.secret, secrets.token_bytes(SECRET_BYTES), PRIVATE)
        make_folder(folder.flower_home, 0o700)
        yield


def _check_ca(path: Path) -> None:
    """A SuperNode without a certificate by which to know the server would only hang."""
    try:
        x509.load_pem_x509_certificates(read_file(path))
    except ValueError as error:
        raise ConfigError(f"{path} holds no certificate; put the one there that came with the kit") from error


def programs(folder: SiteFolder) -> list[Program]:
    """The two processes of a site, in the order in which they start."""
    config, quiet = folder.config, _quiet(folder)
    supernode = Program(
        "flower-supernode",
        deployed_supernode_command(folder),
        {**quiet, **_outbound(config.proxy)},
        folder.logs / "supernode.log",
        partial(is_serving, config.health_port),
        rest_seconds=REST_SECONDS,
    )
    worker = Program(
        "worker",
        # -P: a folder `clients` that happens to lie where this is started is not ours.
        [sys.executable, "-P", "-m", "clients.worker", str(folder.file)],
        {**quiet, **_no_connections(allow_hub="timm" in config.limits.weights)},
        folder.logs / "worker.log",
        lambda: True,  # it waits for the SuperNode by itself
    )
    return [supernode, worker]


def _quiet(folder: SiteFolder) -> dict[str, str]:
    """What keeps Flower from writing outside the state, and from telling anybody of it."""
    return {
        "FLWR_HOME": str(folder.flower_home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    }


def _outbound(proxy: str) -> dict[str, str]:
    """The one way out of the site."""
    kept = [*filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy", "")]), _LOOPBACK]
    names = {"HTTPS_PROXY": proxy, "https_proxy": proxy} if proxy else {}
    return {**names, "NO_PROXY": ",".join(kept), "no_proxy": ",".join(kept)}


def _no_connections(*, allow_hub: bool) -> dict[str, str]:
    """The worker talks to its SuperNode alone; weights from the hub are the one thing that the owner may allow."""
    if allow_hub:
        return {"NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK}
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**offline, **{name: "" for lower in _PROXIES for name in (lower, lower.upper())}}
