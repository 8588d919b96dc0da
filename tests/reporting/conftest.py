from pathlib import Path

import pytest

from fedmtl.reporting.events import MetricsLog, read_events
from fedmtl.reporting.history import History
from tests.reporting import synthetic


@pytest.fixture(scope="session")
def log_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The metrics.jsonl of the synthetic run; not to be written to."""
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    with MetricsLog(path) as log:
        for event in synthetic.run():
            log.append(event)
    return path


@pytest.fixture(scope="session")
def history(log_path: Path) -> History:
    """The synthetic run after its last event; not to be changed."""
    return History.of(read_events(log_path))
