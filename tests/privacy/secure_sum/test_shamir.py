import itertools

import numpy as np
import pytest

from fedmtl.privacy.secure_sum.shamir import _PRODUCT, combine, split

SECRET = bytes(range(1, 65))


def times(a, b):
    """In GF(2⁸), by long multiplication modulo x⁸ + x⁴ + x³ + x² + 1."""
    product = 0
    for bit in range(8):
        product ^= (a << bit) if b >> bit & 1 else 0
    for bit in range(14, 7, -1):
        product ^= (0x11D << (bit - 8)) if product >> bit & 1 else 0
    return product


def secret_of(shares, places):
    return combine(places, [np.frombuffer(shares[place - 1], np.uint8) for place in places]).tobytes()


def test_products_are_those_of_the_field():
    expected = [[times(a, b) for b in range(256)] for a in range(256)]
    np.testing.assert_array_equal(_PRODUCT, expected)


def test_any_threshold_of_shares_gives_the_secret_in_any_order():
    shares = split(SECRET, 5, 3)
    for places in itertools.permutations(range(1, 6), 3):
        assert secret_of(shares, places) == SECRET
    assert secret_of(shares, (5, 2, 1, 4)) == SECRET


def test_fewer_shares_than_the_threshold_fit_every_secret_alike():
    """Two shares of three, over many sharings of one secret: every byte of what they give is as likely."""
    found = np.frombuffer(b"".join(secret_of(split(bytes(4096), 3, 3), (1, 2)) for _ in range(32)), np.uint8)
    counts = np.bincount(found, minlength=256)
    expected = found.size / 256
    assert ((counts - expected) ** 2 / expected).sum() < 255 + 7 * (2 * 255) ** 0.5


def test_a_single_share_tells_nothing():
    assert all(share != SECRET for share in split(SECRET, 5, 3))
    assert split(SECRET, 5, 3) != split(SECRET, 5, 3)


@pytest.mark.parametrize(("holders", "threshold"), [(255, 128), (255, 255), (1, 1), (4, 4)])
def test_as_many_holders_as_the_field_has_places(holders, threshold):
    shares = split(SECRET, holders, threshold)
    assert secret_of(shares, range(holders - threshold + 1, holders + 1)) == SECRET


@pytest.mark.parametrize(("holders", "threshold"), [(256, 3), (3, 4), (3, 0)])
def test_impossible_sharings(holders, threshold):
    with pytest.raises(ValueError, match="at most 255"):
        split(SECRET, holders, threshold)
