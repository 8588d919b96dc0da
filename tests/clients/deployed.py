"""Sites of a tiny deployment, and a SuperLink with TLS that lets them in: real processes on loopback."""

import hashlib
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Event

import yaml
from flwr.cli.build import build_fab_from_disk
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import StartRunRequest
from flwr.supercore.fab import Fab

from clients.deployment import prepared, programs
from fedmtl.deployment.authority import Authority
from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.readiness import HOST, free_port, is_serving
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.site_folder import SiteFolder
from server.control import Control
from server.loopback import Loopback
from server.nodes import match_nodes
from server.superlink import flower_environment, secured_superlink_command

ROOMS = {"kind": "rooms", "sites": 1, "height": 32, "width": 48, "train": 4, "val": 2, "test": 2}
RUN_SECONDS = 180.0


def make_site(folder, name="a", server=f"{HOST}:1", tasks=("semseg", "depth"), limits=None, **changes):
    """A site's folder with keys; whose server is not there unless one is named."""
    here = folder / name
    here.mkdir(parents=True)
    config = {
        "site": name,
        "server": server,
        "data": {"source": ROOMS},
        "tasks": list(tasks),
        "device": "cpu",
        "threads": 1,
        "limits": limits or {},
        "runtime_port": free_port(),
        "health_port": free_port(),
    }
    (here / "site.yaml").write_text(yaml.safe_dump(config | changes))
    Authority.open(here, "test", datetime.now(UTC))
    site = SiteFolder(here)
    site.keys.make()
    return site


class Link:
    """A SuperLink that runs apps by itself, as a test's stand-in for `fedmtl deploy server`."""

    def __init__(self, folder):
        self.port, self.health_port = free_port(), free_port()
        self.address = f"{HOST}:{self.port}"
        self.folder = folder
        self.loopback = Loopback(folder)
        self.loopback.prepare()
        command = secured_superlink_command(
            self.port,
            self.health_port,
            certificate=self.loopback.certificate,
            private_key=self.loopback.private_key,
            secret=self.loopback.secret,
            database=folder / "superlink.db",
        )
        where = command.index("--isolation")
        del command[where : where + 4]  # so that it runs ServerApps without an executor beside it
        self.child = Child(
            Program(
                "flower-superlink",
                command,
                flower_environment(folder / "home"),
                folder / "superlink.log",
                partial(is_serving, self.health_port),
            )
        )

    def admit(self, *sites):
        """Register the sites' nodes, and have the sites know this server."""
        registered = Registered()
        for site in sites:
            registered = registered.add(site.config.site, site.keys.make())
            text = yaml.safe_load(site.file.read_text()) | {"server": self.address}
            site.file.write_text(yaml.safe_dump(text))
            site.__dict__.pop("config", None)
            site.ca.write_bytes(self.loopback.certificate.read_bytes())
        registered.save(self.folder / "sites.json")
        with closing(self.control()) as control:
            match_nodes(control, self.folder / "sites.json")

    def control(self):
        return Control(self.address, self.loopback.certificate.read_bytes())

    def submit(self, app, settings):
        """Submit the app in the folder `app`, wait for the end of its run, and say how it ended."""
        content = build_fab_from_disk(app)
        fab = Fab(hashlib.sha256(content).hexdigest(), content, {})
        with closing(self.control()) as control:
            request = StartRunRequest(fab=fab_to_proto(fab), override_config=user_config_to_proto(settings))
            run = control._client.StartRun(request).run_id
            for _ in range(int(RUN_SECONDS / 0.2)):
                if (status := control.run(run)).finished:
                    return status
                Event().wait(0.2)
        raise AssertionError(f"run {run} has not ended; see {self.folder}")


@contextmanager
def link(folder, *sites):
    """A SuperLink that has registered `sites`."""
    folder.mkdir()
    made = Link(folder)
    with made.child:
        made.admit(*sites)
        yield made


WATCHER = """
import os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        host, port = arguments[1][:2] if event != "socket.getaddrinfo" else arguments[:2]
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"{host} {port}\\n")

sys.addaudithook(note)
"""
"""Python runs it in every process that starts (sitecustomize): it notes whom the process looks up or connects to."""


@contextmanager
def running(folder, *sites):
    """SuperNode and worker of each site, as `fedmtl deploy site` starts them, without starting them again.

    Yields the file that has a line for every connection that one of them makes, or tries to make.
    """
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WATCHER)
    connections = folder / "connections"
    watched = {"PYTHONPATH": str(folder), "CONNECTIONS": str(connections)}
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(prepared(site))
            for program in programs(site):
                program = replace(program, environment={**program.environment, **watched})
                stack.enter_context(Child(program))
        yield connections
