from dataclasses import replace

import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded, decode, encode

VECTOR = np.array([0.0, -0.0, 1e-45, 3.4e38, -1.5], np.float32)
GOOD = encode(VECTOR)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_vector_survives_bit_for_bit(dtype, size):
    vector = np.random.default_rng(0).standard_normal(size).astype(dtype)
    decoded = decode(encode(vector), size, dtype)
    assert decoded.dtype == dtype
    assert decoded.tobytes() == vector.tobytes()


def test_bytes_are_little_endian_whatever_the_machine():
    assert GOOD.data[8:12] == b"\x01\x00\x00\x00"
    assert encode(VECTOR.astype(">f4")).data == GOOD.data


def test_what_was_decoded_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        decode(GOOD, 5, np.float32)[0] = 1


def with_value(value):
    return encode(np.array([1, value, 1, 1, 1], np.float32))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (replace(GOOD, stype="numpy.ndarray"), "the encoding 'numpy.ndarray' where 'raw' was agreed"),
        (replace(GOOD, dtype="float64"), "dtype float64 where float32"),
        (replace(GOOD, dtype="object"), "dtype object where float32"),
        (replace(GOOD, shape=(1, 5)), r"shape \(1, 5\) where \(5,\)"),
        (replace(GOOD, shape=(4,)), r"shape \(4,\) where \(5,\)"),
        (replace(GOOD, shape=()), r"shape \(\) where \(5,\)"),
        (replace(GOOD, data=GOOD.data[:-1]), "19 bytes where 5 values of float32 take 20"),
        (replace(GOOD, data=GOOD.data * 2), "40 bytes"),
        (replace(GOOD, data=b""), "0 bytes"),
        (with_value(np.nan), "not finite"),
        (with_value(np.inf), "not finite"),
        (with_value(-np.inf), "not finite"),
    ],
)
def test_everything_else_is_refused(bad, message):
    with pytest.raises(ExchangeError, match=message):
        decode(bad, 5, np.float32)


def test_any_bytes_are_a_vector_or_an_exchange_error():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        size = int(rng.integers(0, 4))
        data = rng.bytes(int(rng.choice([4 * size, rng.integers(0, 20)])))
        shape = (size,) if rng.random() < 0.7 else tuple(rng.integers(-2, 5, rng.integers(0, 3)).tolist())
        encoded = Encoded(
            str(rng.choice(["float32", "float16", "O"])), shape, str(rng.choice(["raw", "pickle"])), data
        )
        try:
            assert np.isfinite(decode(encoded, size, np.float32)).all()
        except ExchangeError:
            refused += 1
    assert 0 < refused < 500
