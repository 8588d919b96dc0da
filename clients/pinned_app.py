"""The one Flower app that a site takes part in: the one that its own fedmtl ships."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from flwr.cli.build import build_fab_from_disk

from fedmtl.errors import RefusalError


@cache
def shipped_hash() -> str:
    """The hash of the app bundle that the installed fedmtl submits, as Flower computes it.

    Flower builds equal bundles of equal files, wherever both sides' zlib compresses alike.
    """
    return sha256(build_fab_from_disk(Path(str(files("fedmtl") / "app")))).hexdigest()


def check_app(claimed: str, content: bytes) -> None:
    """Refuse every other app, before anything looks into it.

    Args:
        claimed: the hash that the task names.
        content: the bundle that came with it, which is not unpacked.

    Raises:
        RefusalError: either is another app's.
    """
    found = sha256(content).hexdigest()
    if not claimed == found == shipped_hash():
        raise RefusalError(
            "app",
            f"the server's app has hash {found} and is announced as {claimed}, but the fedmtl installed here ships "
            f"{shipped_hash()}: server and site need the same fedmtl and flwr",
        )
