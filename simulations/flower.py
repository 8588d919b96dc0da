"""Submitting a run to a SuperLink of our own, and watching it: what Ray and SuperNodes have in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any, cast

from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.readiness import HOST, free_port, is_serving
from fedmtl.errors import RunError
from fedmtl.reporting.events import Listener
from fedmtl.reporting.follow import follow
from fedmtl.run_directory import RunDirectory
from server.superlink import flower_environment, superlink_command

CONNECTION = "fedmtl"
"""What our SuperLink is called in our own FLWR_HOME; the user's is never touched."""
POLL_SECONDS = 3.0
COMMAND_SECONDS = 120.0


@dataclass(frozen=True)
class Link:
    """A SuperLink that runs for one run.

    Attributes:
        environment: for every process of Flower that belongs to it.
        logs: the folder for their logs.
    """

    process: Child
    address: str
    environment: Mapping[str, str]
    logs: Path

    def execute(
        self, directory: RunDirectory, engine: str, federation: Mapping[str, float | int] | None = None
    ) -> None:
        """Submit the run in `directory` and wait for its end; see `submit`."""
        settings = {"run-dir": str(directory.path.absolute()), "engine": engine}
        self.submit(Path(str(files("fedmtl") / "app")), settings, federation)

    def submit(
        self, app: Path, settings: Mapping[str, str], federation: Mapping[str, float | int] | None = None
    ) -> int:
        """Submit a Flower app, wait for the end of its run, and return Flower's id of it.

        Args:
            app: the folder of its pyproject.toml.
            settings: what the run's config sets, as `fedmtl.submission` reads it.
            federation: settings of Flower's Simulation Runtime.

        Raises:
            RunError: the run failed, or a process ended.
        """
        config = Path(self.environment["FLWR_HOME"]) / "run.toml"
        # JSON strings are TOML strings.
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        config.write_text("".join(lines), encoding="utf-8")
        arguments = [str(app), CONNECTION, "--run-config", str(config)]
        if federation:
            arguments += [
                "--federation-config",
                " ".join(f"{key}={value}" for key, value in federation.items()),
            ]
        run_id = self._flwr("run", *arguments)["run-id"]
        pause = Event()
        while not (status := self._status(run_id)).startswith("finished"):
            self.process.check()
            pause.wait(POLL_SECONDS)
        if status != "finished:completed":
            raise RunError(f"the run ended as {status}: {self._last_words(run_id)}")
        return int(run_id)

    def _status(self, run_id: str) -> str:
        runs = self._flwr("list", "--run-id", run_id, CONNECTION)["runs"]
        return str(runs[0]["status"])

    def _last_words(self, run_id: str) -> str:
        """Keep Flower's log of the run, and say what its last line was."""
        shown = subprocess.run(
            [*_flwr_command("log"), run_id, CONNECTION, "--show"],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=COMMAND_SECONDS,
            check=False,
        )
        log = self.logs / "run.log"
        log.write_text(shown.stdout, encoding="utf-8")
        lines = [line for line in shown.stdout.splitlines() if "Error" in line]
        return f"{lines[-1].strip() if lines else 'no error was logged'} (see {log})"

    def _flwr(self, command: str, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [*_flwr_command(command), *arguments, "--format", "json"],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            timeout=COMMAND_SECONDS,
            check=False,
        )
        try:
            answer = json.loads(done.stdout)
        except ValueError as error:
            raise RunError(f"flwr {command} failed: {(done.stderr or done.stdout).strip()}") from error
        if not answer.get("success"):
            raise RunError(f"flwr {command} failed: {answer.get('error-message', answer)}")
        return cast(dict[str, Any], answer)


@contextmanager
def superlink(directory: RunDirectory, *, simulation: bool) -> Iterator[Link]:
    """A SuperLink on a free port, with a FLWR_HOME of its own, for the run in `directory`."""
    port, health_port = free_port(), free_port()
    address, logs = f"{HOST}:{port}", directory.path / "flower"
    with TemporaryDirectory(prefix="fedmtl-flower-") as home:
        (Path(home) / "config.toml").write_text(
            f'[superlink]\ndefault = "{CONNECTION}"\n\n[superlink.{CONNECTION}]\n'
            f'address = "{address}"\ninsecure = true\n',
            encoding="utf-8",
        )
        environment = flower_environment(Path(home))
        command = superlink_command(HOST, port, health_port, simulation=simulation)
        log = logs / "superlink.log"
        program = Program("flower-superlink", command, environment, log, lambda: is_serving(health_port))
        with Child(program) as process:
            yield Link(process, address, environment, logs)


@contextmanager
def following(directory: RunDirectory, listeners: Sequence[Listener]) -> Iterator[None]:
    """Tell `listeners` what another process writes to the metrics log, until the block ends."""
    stop = Event()

    def tell() -> None:
        for event in follow(directory.metrics, stop):
            for listener in listeners:
                listener(event)

    thread = Thread(target=tell, name="follow-metrics")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _flwr_command(command: str) -> list[str]:
    return [str(Path(sys.executable).with_name("flwr")), command]
