"""Waiting for what another thread or process does, with an end."""

import time
from threading import Event

PATIENCE = 60.0


def until(holds, patience=PATIENCE):
    """Wait until `holds()` is true, and return what it said."""
    deadline, pause = time.monotonic() + patience, Event()
    while not (said := holds()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.02)
    return said
