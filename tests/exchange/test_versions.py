import hashlib

import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs import CODECS, build_codec
from fedmtl.exchange.versions import add_difference, digest, encode_difference
from tests.exchange.codecs.cases import LAYOUT, flat, update


def test_a_digest_is_of_the_bytes():
    vector = update()
    assert digest(vector) == hashlib.blake2b(vector.tobytes(), digest_size=16).hexdigest()
    assert digest(vector.astype(">f4")) == digest(vector)
    assert digest(np.array([0.0], np.float32)) != digest(np.array([-0.0], np.float32))
    assert len(digest(np.zeros(0, np.float32))) == 32


@pytest.mark.parametrize("name", list(CODECS))
def test_both_sides_reach_the_same_bits(name):
    codec = build_codec({"name": name}, "exchange.down")
    base, vector = update(0, 1.0), update(0, 1.0) + update(1)
    encoded, reached = encode_difference(vector, base, codec, LAYOUT)
    assert add_difference(encoded, base, codec, LAYOUT).tobytes() == reached.tobytes()
    assert np.linalg.norm(reached - vector) < np.linalg.norm(base - vector)


@pytest.mark.parametrize("name", ["bf16", "int8", "topk"])
def test_errors_do_not_add_up_over_steps(name):
    """After many steps one is no farther from where one should be than after the first few."""
    codec = build_codec({"name": name}, "exchange.down")
    goal = base = update(0, 1.0)
    distances = []
    for step in range(400):
        goal = goal + np.float32(np.cos(0.1 * step)) * update(step)
        _, base = encode_difference(goal, base, codec, LAYOUT)
        distances.append(np.linalg.norm(base - goal))
    assert max(distances[200:]) < 1.5 * max(distances[:200])


def test_a_difference_that_overflows_is_refused():
    far = np.array([3e38], np.float32)
    codec = build_codec({"name": "fp32"}, "exchange.down")
    with pytest.raises(ExchangeError, match="not finite"):
        encode_difference(far, -far, codec, flat(1))
    encoded = codec.encode(far, flat(1))
    with pytest.raises(ExchangeError, match="has values that are not finite"):
        add_difference(encoded, far, codec, flat(1))
