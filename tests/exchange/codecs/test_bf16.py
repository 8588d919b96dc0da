import numpy as np
import pytest
import torch

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs.bf16 import Bf16
from tests.exchange.codecs.cases import flat


def test_values_are_rounded_as_torch_rounds_them():
    """To nearest, ties to even; over the whole range of float32, subnormal numbers included."""
    bits = np.random.default_rng(0).integers(0, 2**32, 100_000, np.uint32)
    ties = (np.arange(0, 2**32, 2**17, np.uint64) | 0x8000).astype(np.uint32)
    vector = np.concatenate([bits, ties, ties + np.uint32(1), ties - np.uint32(1)]).view(np.float32)
    expected = torch.from_numpy(vector).bfloat16().float().numpy()
    finite = np.isfinite(vector) & np.isfinite(expected)
    layout = flat(int(finite.sum()))
    codec = Bf16()
    decoded = codec.decode(codec.encode(vector[finite], layout), layout)
    assert decoded.tobytes() == expected[finite].tobytes()


def test_what_rounds_to_infinity_is_refused():
    with pytest.raises(ExchangeError, match="not finite, or too large for bfloat16"):
        Bf16().encode(np.array([1, np.finfo(np.float32).max], np.float32), flat(2))


def test_two_bytes_a_value_little_endian():
    assert Bf16().encode(np.array([1.0, -2.0], np.float32), flat(2)).data == b"\x80\x3f\x00\xc0"
