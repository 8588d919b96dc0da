"""The Flower ServerApp."""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from fedmtl.errors import RunError
from fedmtl.reporting.events import MetricsLog
from fedmtl.run_directory import RunDirectory
from server.rounds import run_rounds

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the federation of the run directory that the run's config names under `run-dir`."""
    path = str(context.run_config.get("run-dir", ""))
    if not path:
        raise RunError("the run config names no run-dir: start runs with 'fedmtl run'")
    directory = RunDirectory.open(Path(path))
    with MetricsLog(directory.metrics) as log:
        run_rounds(grid, directory, log, str(context.run_config.get("engine", "flower")))
