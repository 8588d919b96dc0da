from dataclasses import replace

import pytest

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum.channel import OVERHEAD, Channel, round_secret

SECRET = bytes(range(32))
ADA = Channel("ada", "ben", SECRET, b"run>1>digest")
BEN = Channel("ben", "ada", SECRET, b"run>1>digest")
CONTENT = b"shares"


def test_what_is_sealed_is_read_by_the_peer_alone():
    sealed = ADA.seal(CONTENT)
    assert BEN.unseal(sealed) == CONTENT
    assert len(sealed) == len(CONTENT) + OVERHEAD
    assert sealed != ADA.seal(CONTENT)
    for other in (
        ADA,
        replace(BEN, client="cleo"),
        replace(BEN, peer="cleo"),
        replace(BEN, secret=bytes(32)),
        replace(BEN, where=b"run>2>digest"),
    ):
        with pytest.raises(ExchangeError, match="did not seal"):
            other.unseal(sealed)


@pytest.mark.parametrize("at", [0, 12, -1])
def test_a_changed_byte_is_noticed(at):
    sealed = bytearray(ADA.seal(CONTENT))
    sealed[at] ^= 1
    with pytest.raises(ExchangeError, match="did not seal"):
        BEN.unseal(bytes(sealed))


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_what_is_too_short(length):
    with pytest.raises(ExchangeError, match="did not seal"):
        BEN.unseal(bytes(length))


def test_a_mark_is_for_one_purpose_content_and_direction():
    mark = ADA.mark("uploaded", b"view")
    assert BEN.has_marked("uploaded", b"view", mark)
    assert not BEN.has_marked("confirmed", b"view", mark)
    assert not BEN.has_marked("uploaded", b"other", mark)
    assert not BEN.has_marked("uploaded", b"view", None)
    assert not ADA.has_marked("uploaded", b"view", mark)


def test_a_rounds_secret_is_not_anothers():
    assert len({SECRET, round_secret(SECRET, b"one"), round_secret(SECRET, b"two")}) == 3
