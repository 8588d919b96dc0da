"""The Flower ServerApp."""

from __future__ import annotations

import logging
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from flwr.superlink.grid.http_grid import HttpGrid

from fedmtl.reporting.events import MetricsLog
from fedmtl.submission import open_run
from server.patient_grid import PatientGrid
from server.rounds import run_rounds
from server.signatures import NOBODY_SIGNS, Signatures

logger = logging.getLogger("flwr")
"""Flower shows its own lines to whoever follows the run."""

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the federation that the run's config means; see `fedmtl.submission`."""
    if isinstance(grid, HttpGrid):  # replies come over a network, and not from this machine's memory
        grid = PatientGrid(grid)
    directory = open_run(context.run_config, context.run_id)
    logger.info("The run's folder is %s", directory.path.absolute())
    with directory.lock(), MetricsLog(directory.metrics) as log:
        engine, roster = (str(context.run_config.get(key, "")) for key in ("engine", "roster"))
        run_rounds(grid, directory, log, engine, Signatures(Path(roster)) if roster else NOBODY_SIGNS)
