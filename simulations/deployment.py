"""A rehearsal of a deployment: a SuperLink and one SuperNode a client, as processes on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from clients.supernode import supernode_command
from fedmtl.data import expand_copies
from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.readiness import HOST, free_port, is_serving
from fedmtl.reporting.events import Listener
from fedmtl.run_directory import RunDirectory
from simulations.flower import following, superlink


def run_on_supernodes(directory: RunDirectory, listeners: Sequence[Listener] = ()) -> None:
    """Run, or go on with, the run in `directory`; see `simulations.engines.run`."""
    path = directory.path.absolute()
    with ExitStack() as stack:
        link = stack.enter_context(superlink(directory, simulation=False))
        for client in sorted(expand_copies(directory.scenario.clients)):
            node = {
                "client": client,
                "scenario": str(path / "config.yaml"),
                "state": str(path / "checkpoints" / "clients"),
            }
            health_port = free_port()
            command = supernode_command(HOST, free_port(), health_port, link.address, node)
            log = link.logs / f"supernode-{client}.log"
            program = Program(
                "flower-supernode", command, link.environment, log, partial(is_serving, health_port)
            )
            stack.enter_context(Child(program))
        stack.enter_context(following(directory, listeners))
        link.execute(directory, "deployment")
