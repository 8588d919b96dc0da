"""Kits for tests."""

import hashlib
from datetime import UTC, datetime

from fedmtl.deployment.kit import Kit

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
FEDERATION = """\
name: streets
server: {host: fl.example.org}
sites:
  north: {tasks: [semseg, edge]}
  south: {tasks: [depth]}
"""


def write_federation(folder, text=FEDERATION):
    path = folder / "federation.yaml"
    path.write_text(text)
    return path


def make_kit(folder, text=FEDERATION, now=NOW, **options):
    """The kit in `folder`, and what was told of it."""
    kit = Kit(folder / "kit")
    return kit, kit.make(write_federation(folder, text), now, **options)


def tree(folder):
    """Path → hash of the content and permission bits, of every file below."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }
