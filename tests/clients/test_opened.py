"""No round is opened twice over different clients."""

import pytest

from clients.opened import DEPTH, Opened
from fedmtl.errors import RefusalError, RunError

FIVE = ["a", "b", "c", "d", "e"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "opened"


def test_a_round_that_is_done_again_with_the_same_clients_is_opened_again(path):
    Opened(path).enter(3, {"backbone": FIVE})
    Opened(path).enter(3, {"backbone": list(reversed(FIVE)), "head/depth": FIVE[:3]})


def test_with_others_it_is_not(path):
    """Five together and then four of them: the difference would be what the fifth has."""
    Opened(path).enter(3, {"backbone": FIVE})
    for others in (FIVE[:4], [*FIVE, "f"]):
        with pytest.raises(RefusalError, match="'backbone' of round 3 was opened over other clients before"):
            Opened(path).enter(3, {"backbone": others})
    Opened(path).enter(4, {"backbone": FIVE[:4]})


def test_another_bucket_is_no_way_around(path):
    Opened(path).enter(3, {"backbone": FIVE})
    with pytest.raises(RefusalError):
        Opened(path).enter(3, {"backbone#1": FIVE[:4]})


def test_buckets_have_no_client_in_common(path):
    opened = Opened(path)
    opened.enter(3, {"backbone": FIVE[:2], "backbone#1": FIVE[2:]})
    opened.enter(3, {"backbone": FIVE[2:]})  # by whatever number
    opened.enter(3, {"backbone#2": ["f", "g"]})  # one that was not opened at first
    for mixed in (FIVE[:3], FIVE[1:4], ["e", "h"]):
        with pytest.raises(RefusalError):
            opened.enter(3, {"backbone#3": mixed})


def test_nobody_goes_back_beyond_what_is_remembered(path):
    opened = Opened(path)
    opened.check_round(1)
    for number in range(1, 6):
        opened.enter(number, {"backbone": FIVE})
    opened.check_round(5 - DEPTH)
    with pytest.raises(RefusalError, match="goes back to round 2, after round 5 was opened"):
        opened.check_round(4 - DEPTH)
    with pytest.raises(RefusalError):
        opened.enter(5 - DEPTH, {"backbone": FIVE[:3]})


def test_a_damaged_file_is_no_clean_slate(path):
    path.write_bytes(b"{")
    with pytest.raises(RunError, match="damaged"):
        Opened(path).enter(1, {})
