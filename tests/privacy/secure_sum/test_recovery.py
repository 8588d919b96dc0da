import numpy as np
import pytest

from fedmtl.privacy.secure_sum.recovery import Recovery
from fedmtl.privacy.secure_sum.shamir import split

SECRET = bytes(range(32))


def recover(holders, threshold, wrong, places=None):
    places = places or range(1, holders + 1)
    shares = dict(enumerate(split(SECRET, holders, threshold), 1))
    for place in wrong:
        shares[place] = bytes(32)
    recovery = Recovery(list(places), threshold)
    return recovery, recovery.recover(shares, lambda secret: secret == SECRET)


@pytest.mark.parametrize("wrong", [(), (1,), (5,), (1, 2), (2, 5), (4, 5)])
def test_a_secret_is_found_as_long_as_the_threshold_is_right(wrong):
    recovery, secret = recover(5, 3, wrong)
    assert secret == SECRET
    assert recovery.wrong == set(wrong) & {1, 2, 3}


def test_with_fewer_right_shares_there_is_none():
    recovery, secret = recover(5, 3, (1, 2, 3))
    assert secret is None
    assert not recovery.wrong


def test_only_places_that_revealed_are_asked():
    assert recover(5, 3, (1,), places=(2, 3, 5))[1] == SECRET
    assert recover(5, 3, (2,), places=(2, 3, 5))[1] is None


def test_one_wrong_share_of_many_is_found_in_a_few_tries():
    """Of 255 participants all but one are honest: there are more choices than could be tried."""
    recovery, secret = recover(255, 128, (1,))
    assert secret == SECRET
    assert recovery.wrong == {1}


def test_what_worked_once_is_tried_first():
    shares = dict(enumerate(split(SECRET, 5, 3), 1))
    shares[1] = bytes(32)
    recovery, tried = Recovery([1, 2, 3, 4, 5], 3), []

    def is_right(secret):
        tried.append(secret)
        return secret == SECRET

    recovery.recover(shares, is_right)
    before = len(tried)
    assert recovery.recover(shares, is_right) == SECRET
    assert len(tried) == before + 1
    assert np.frombuffer(tried[-1], np.uint8).tolist() == list(range(32))
