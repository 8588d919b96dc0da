from dataclasses import replace

import numpy as np
import pytest
import torch

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs.int8 import Int8
from fedmtl.exchange.layout import Entry, Layout
from tests.exchange.codecs.cases import LAYOUT, channels, flat, update

CODEC = Int8()
FOUR = np.array([127, -63.5, 0.5, 1.5], np.float32)


def up_to_bfloat16(value):
    """The least bfloat16 that is not smaller."""
    nearest = torch.tensor(value).bfloat16()
    upper = (
        nearest
        if nearest.float() >= torch.tensor(value)
        else torch.nextafter(nearest, torch.tensor(1.0).bfloat16())
    )
    return upper.float().numpy()


def test_by_hand():
    """Largest magnitude 127, so the scale is 1; ties go to even numbers."""
    encoded = CODEC.encode(FOUR, flat(4))
    assert encoded.data == b"\x80\x3f" + np.array([127, -64, 0, 2], np.int8).tobytes()
    np.testing.assert_array_equal(CODEC.decode(encoded, flat(4)), [127, -64, 0, 2])


def test_as_the_formula_says_channel_by_channel():
    vector = update()
    decoded = CODEC.decode(CODEC.encode(vector, LAYOUT), LAYOUT)
    for exact, got in zip(channels(vector), channels(decoded), strict=True):
        least = np.abs(exact).max() / np.float32(127)
        scale = up_to_bfloat16(least)
        np.testing.assert_array_equal(got, np.rint(exact / scale) * scale)
        assert np.abs(got - exact).max() <= least * (1 + 2**-7) / 2 * (1 + 1e-5)


def test_a_channel_has_a_scale_of_its_own():
    layout = Layout((Entry("w", (2, 3), "float32"), Entry("b", (3,), "float32")))
    vector = np.array([1, 2, 3, 1e-6, 2e-6, 3e-6, 100, 200, 300], np.float32)
    decoded = CODEC.decode(CODEC.encode(vector, layout), layout)
    np.testing.assert_allclose(decoded, vector, rtol=2e-2)


def test_one_byte_a_value_and_two_a_channel():
    assert CODEC.length(LAYOUT) == LAYOUT.size + 2 * (6 + 1 + 4 + 1)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit(threads):
    before = torch.get_num_threads()
    expected = CODEC.encode(update(), LAYOUT)
    try:
        torch.set_num_threads(threads)
        encoded = CODEC.encode(update(), LAYOUT)
        decoded = CODEC.decode(encoded, LAYOUT)
    finally:
        torch.set_num_threads(before)
    assert encoded == expected
    np.testing.assert_array_equal(decoded, CODEC.decode(expected, LAYOUT))


@pytest.mark.parametrize("value", [1e-45, 1e-40, 1e-38, 1e30, 2e38])
def test_the_ends_of_the_range(value):
    vector = np.array([value, -value, 0, value / 2], np.float32)
    decoded = CODEC.decode(CODEC.encode(vector, flat(4)), flat(4))
    assert np.abs(decoded - vector).max() <= max(value / 127, 1e-40)


@pytest.mark.parametrize("half", [0x7F80, 0x7FC0, 0xFF80, 0xBF80, 0x7F00, 0x7E80])
def test_a_scale_that_is_negative_not_finite_or_too_large_is_refused(half):
    good = CODEC.encode(FOUR, flat(4))
    bad = replace(good, data=half.to_bytes(2, "little") + good.data[2:])
    with pytest.raises(ExchangeError, match="a scale that is negative, not finite or too large"):
        CODEC.decode(bad, flat(4))
