import numpy as np
from scipy.stats import chisquare

from fedmtl.privacy import keystream
from fedmtl.privacy.keystream import Keystream


def test_words_are_uniform_and_no_two_streams_are_alike():
    words = Keystream().words(100_000)
    counts = np.bincount(words.view(np.uint8), minlength=256)
    assert chisquare(counts).pvalue > 1e-6
    assert not np.intersect1d(words, Keystream().words(100_000)).size


def test_a_stream_goes_on_and_takes_a_new_key_before_its_own_is_used_up(monkeypatch):
    monkeypatch.setattr(keystream, "MOST_WORDS", 10)
    stream = Keystream()
    first = stream._stream
    stream.words(8)
    assert stream._stream is first
    stream.words(8)
    assert stream._stream is not first


def test_keys_are_the_operating_systems_and_256_bits_long(monkeypatch):
    asked = []
    monkeypatch.setattr(
        keystream.secrets, "token_bytes", lambda count: asked.append(count) or bytes(range(count))
    )
    one, other = Keystream().words(4), Keystream().words(4)
    assert asked == [32, 32]
    np.testing.assert_array_equal(one, other)  # the key is all that a stream depends on
