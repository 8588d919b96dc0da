import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from fedmtl.privacy.secure_sum.masks import SEED_BYTES, add_masks

ONE, OTHER = bytes(range(32)), bytes(range(1, 33))
PIECE = 1 << 15


def stream(seed, size, dtype):
    cipher = Cipher(algorithms.ChaCha20(seed, bytes(16)), mode=None)
    data = cipher.encryptor().update(bytes(size * np.dtype(dtype).itemsize))
    return np.frombuffer(data, dtype)


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("size", [1, 7, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
def test_streams_are_added_and_taken_away_modulo_the_ring(dtype, size):
    vector = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, size, dtype, endpoint=True)
    expected = vector + stream(ONE, size, dtype) - stream(OTHER, size, dtype)
    add_masks(vector, [ONE], [OTHER])
    np.testing.assert_array_equal(vector, expected)


def test_the_same_mask_twice_is_none():
    vector = np.arange(100, dtype=np.uint32)
    add_masks(vector, [ONE, OTHER], [OTHER])
    assert not np.array_equal(vector, np.arange(100))
    add_masks(vector, [], [ONE])
    np.testing.assert_array_equal(vector, np.arange(100))


def test_the_stream_is_that_of_the_standard():
    """RFC 8439, A.1, test vector 1: the key of zeros."""
    vector = np.zeros(4, np.uint32)
    add_masks(vector, [bytes(32)])
    assert vector.tobytes().hex() == "76b8e0ada0f13d90405d6ae55386bd28"


@pytest.mark.parametrize("length", [0, 4, 16, 31, 33])
def test_a_seed_has_256_bits(length):
    assert 8 * SEED_BYTES == 256
    with pytest.raises(ValueError, match="has 32 bytes"):
        add_masks(np.zeros(4, np.uint32), [bytes(length)])
