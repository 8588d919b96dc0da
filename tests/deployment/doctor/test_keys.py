import pytest

from fedmtl.deployment.doctor.finding import Check, examine
from fedmtl.deployment.doctor.keys import check_keys
from fedmtl.deployment.keys import KeyFolder


@pytest.fixture
def keys(tmp_path):
    made = KeyFolder(tmp_path / "keys", "north")
    made.make()
    return made


def look(keys):
    (found,) = examine([Check("keys", lambda: check_keys(keys))])
    return found


def test_whole_keys_show_their_fingerprint(keys):
    found = look(keys)
    assert found.status == "ok"
    assert keys.make().fingerprint in found.found


@pytest.mark.parametrize("name", ["node_key", "roster_key"])
def test_a_missing_key_is_a_failure(keys, name):
    getattr(keys, name).unlink()
    found = look(keys)
    assert (found.status, "keygen" in found.advice) == ("fail", True)


@pytest.mark.parametrize("name", ["node_key", "roster_key"])
def test_a_key_that_others_can_read_is_a_failure(keys, name):
    getattr(keys, name).chmod(0o644)
    found = look(keys)
    assert (found.status, "chmod 600" in found.found) == ("fail", True)


def test_a_public_file_of_other_keys_is_a_failure(keys, tmp_path):
    other = KeyFolder(tmp_path / "other", "north")
    other.make()
    other.public.replace(keys.public)
    found = look(keys)
    assert (found.status, "hand it over again" in found.advice) == ("fail", True)


def test_a_missing_public_file_is_a_warning(keys):
    keys.public.unlink()
    assert look(keys).status == "warn"
