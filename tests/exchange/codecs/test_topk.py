from dataclasses import replace

import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs.topk import TopK
from tests.exchange.codecs.cases import LAYOUT, flat, update

HALF = TopK(0.5)
SIX = np.array([1, -5, 2, 5, -2, 0], np.float32)


def test_by_hand():
    encoded = HALF.encode(SIX, flat(6))
    assert encoded.data == np.array([1, 2, 3], "<u4").tobytes() + np.array([-5, 2, 5], "<f4").tobytes()
    np.testing.assert_array_equal(HALF.decode(encoded, flat(6)), [0, -5, 2, 5, 0, 0])


@pytest.mark.parametrize("fraction", [1e-9, 0.01, 0.3, 1.0])
def test_the_largest_arrive_as_they_are(fraction):
    codec, vector = TopK(fraction), update()
    decoded = codec.decode(codec.encode(vector, LAYOUT), LAYOUT)
    chosen = np.flatnonzero(decoded)
    assert len(chosen) == codec.count(LAYOUT) == int(np.ceil(fraction * LAYOUT.size))
    np.testing.assert_array_equal(decoded[chosen], vector[chosen])
    assert np.abs(vector[chosen]).min() >= np.abs(np.delete(vector, chosen)).max(initial=0)


def test_of_equal_ones_the_first():
    decoded = HALF.decode(HALF.encode(np.ones(6, np.float32), flat(6)), flat(6))
    np.testing.assert_array_equal(decoded, [1, 1, 1, 0, 0, 0])


@pytest.mark.parametrize("places", [[3, 2, 1], [1, 1, 3], [1, 3, 6], [1, 3, 2**32 - 1]])
def test_places_that_do_not_rise_or_lie_beyond_the_end_are_refused(places):
    good = HALF.encode(SIX, flat(6))
    bad = replace(good, data=np.array(places, "<u4").tobytes() + good.data[12:])
    with pytest.raises(ExchangeError, match="places that do not rise, or beyond its end"):
        HALF.decode(bad, flat(6))
