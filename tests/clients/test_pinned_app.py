"""Only the app that fedmtl ships."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from flwr.cli.build import build_fab_from_disk

from clients.pinned_app import check_app, shipped_hash
from fedmtl.errors import RefusalError

SHIPPED = build_fab_from_disk(Path(str(files("fedmtl") / "app")))


def test_the_shipped_app_is_accepted():
    assert shipped_hash() == sha256(SHIPPED).hexdigest()
    check_app(shipped_hash(), SHIPPED)


@pytest.mark.parametrize(
    ("claimed", "content"),
    [
        (shipped_hash(), SHIPPED + b"\0"),
        (sha256(b"other").hexdigest(), SHIPPED),
        (sha256(b"other").hexdigest(), b"other"),
        ("", SHIPPED),
    ],
    ids=["its name, other bytes", "other name, its bytes", "another app", "no name"],
)
def test_every_other_app_is_refused(claimed, content):
    with pytest.raises(RefusalError) as error:
        check_app(claimed, content)
    assert error.value.rule == "app"
