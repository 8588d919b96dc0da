"""A server and sites of a kit, each started by its own command as an operator would, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import yaml

from fedmtl.deployment.readiness import free_port
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import read_status
from fedmtl.reporting.events import Event as Told
from fedmtl.reporting.events import read_events

COMMAND = [sys.executable, "-P", "-c", "from fedmtl.cli import main; main()", "deploy"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
COMMAND_SECONDS = 120.0
POLL_SECONDS = 0.1


class Rehearsal:
    """A kit in `folder` for these sites.

    Args:
        sites: name → what its site.yaml says of data and tasks.
        host: the server's name; sites that have a proxy know it by that, the others as localhost.
    """

    def __init__(self, folder: Path, sites: Mapping[str, dict[str, Any]], host: str = "localhost") -> None:
        self.folder = folder
        self.kit = folder / "kit"
        self.server = ServerFolder(self.kit / "server")
        self._processes: list[subprocess.Popen[bytes]] = []
        port = free_port()
        federation = {
            "name": "rehearsal",
            "server": {
                "host": host,
                "bind": "127.0.0.1",
                "port": port,
                **{key: free_port() for key in ("superlink_port", "health_port", "probe_port")},
            },
            "sites": {name: {"tasks": site["tasks"]} for name, site in sites.items()},
        }
        (folder / "federation.yaml").write_text(yaml.safe_dump(federation))
        self.command("init", str(folder / "federation.yaml"), "--out", str(self.kit), "--dev-keys")
        for name, site in sites.items():
            server = f"{host if 'proxy' in site else 'localhost'}:{port}"
            own = {"site": name, "server": server, "device": "cpu", "threads": 1}
            ports = {"runtime_port": free_port(), "health_port": free_port()}
            (self.site(name) / "site.yaml").write_text(yaml.safe_dump(own | ports | site))

    def site(self, name: str) -> Path:
        return self.kit / "sites" / name

    def command(self, *words: str) -> str:
        """What `fedmtl deploy …` prints; it must not fail."""
        done = subprocess.run(
            [*COMMAND, *words],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server and every site, until the block ends."""
        try:
            self._start("server", str(self.server.path))
            for site in sorted((self.kit / "sites").iterdir()):
                self._start("site", str(site))
            yield
        finally:
            for process in reversed(self._processes):
                process.terminate()
            for process in self._processes:
                process.wait(60)

    def _start(self, kind: str, folder: str) -> None:
        log = (self.folder / f"{kind}-{Path(folder).name}.log").open("wb")
        with log:
            process = subprocess.Popen([*COMMAND, kind, folder], stdout=log, stderr=log, env=ENVIRONMENT)
        self._processes.append(process)

    def program(self, name: str) -> int | None:
        """The pid of one of the server's programs, None while it is not ready."""
        status = read_status(self.server)
        found = [one for one in status.processes if one.name == name] if status else []
        return found[0].pid if found and found[0].ready else None

    def events(self, run: str) -> list[Told]:
        metrics = self.server.runs / run / "metrics.jsonl"
        return read_events(metrics) if metrics.exists() else []

    def logs(self) -> str:
        """The end of every log, for whoever reads why a test failed."""
        paths = [*self.folder.glob("*.log"), *self.kit.glob("**/logs/*.log")]
        return "\n".join(f"== {path}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(paths))

    def until(self, what: str, found: Callable[[], Any], seconds: float) -> Any:
        """The first true value of `found`."""
        deadline, pause = time.monotonic() + seconds, Event()
        while not (value := found()):
            assert time.monotonic() < deadline, f"{what} took more than {seconds} s\n{self.logs()}"
            pause.wait(POLL_SECONDS)
        return value


def kill(pid: int) -> None:
    """As the kernel would, of a lack of memory."""
    os.kill(pid, signal.SIGKILL)


def supernode_of(site: Path) -> int | None:
    """The pid of a site's SuperNode, by its command line."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "clients.supernode_process" in words and any(str(site) in word for word in words):
                return int(process.name)
    return None
