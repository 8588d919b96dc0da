import msgspec
import pytest

from fedmtl.deployment.doctor.installed import check_installed, compare
from fedmtl.deployment.doctor.line import Answer
from fedmtl.deployment.versions import Versions

OWN = Versions("0.1.0", "1.41.0", "a" * 64)


def look(body, status=200):
    (found,) = compare(OWN, Answer(status, "", body, 0.0, 0.0), "the server")
    return found


def test_what_is_installed_is_named():
    (found,) = check_installed(OWN)
    assert found.found.startswith("fedmtl 0.1.0, flwr 1.41.0, torch ")
    assert found.found.endswith("app aaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, "ok"), ({"fedmtl": "0.2.0"}, "fail"), ({"app": "b" * 64}, "fail"), ({"flwr": "1.41.1"}, "warn")],
)
def test_both_sides_need_the_same(change, status):
    found = look(msgspec.json.encode(msgspec.structs.replace(OWN, **change)))
    assert found.status == status
    for name in change:
        assert f"the server has {name}" in found.found


def test_a_server_that_does_not_say_is_a_warning():
    found = look(b"", 404)
    assert (found.status, "HTTP 404" in found.found) == ("warn", True)
