import numpy as np
import pytest

from clients.feedback import encode_updates
from fedmtl.exchange.codecs import build_codec
from tests.exchange.codecs.cases import LAYOUT, update

LAYOUTS = {"backbone": LAYOUT, "head/depth": LAYOUT, "norm_stats": LAYOUT}
INT8 = build_codec({"name": "int8"}, "exchange.up")


def test_by_hand():
    """What is encoded is update + residual; what is left is that less what the server decodes."""
    residual = update(1, 1e-4)
    encoded, left = encode_updates({"backbone": update()}, {"backbone": residual}, LAYOUTS, INT8)
    assert encoded["backbone"] == INT8.encode(update() + residual, LAYOUT)
    arrived = INT8.decode(encoded["backbone"], LAYOUT)
    np.testing.assert_array_equal(left["backbone"], update() + residual - arrived)


@pytest.mark.parametrize("name", ["bf16", "int8", "topk"])
def test_nothing_is_lost_over_rounds(name):
    codec = build_codec({"name": name}, "exchange.up")
    arrived, wanted, left = np.zeros(LAYOUT.size), np.zeros(LAYOUT.size), {}
    for number in range(50):
        encoded, left = encode_updates({"backbone": update(number)}, left, LAYOUTS, codec)
        arrived += codec.decode(encoded["backbone"], LAYOUT)
        wanted += update(number)
    np.testing.assert_allclose(arrived + left["backbone"], wanted, atol=1e-6)
    assert np.abs(left["backbone"]).max() > 0


def test_a_group_that_stays_at_home_keeps_its_residual():
    before = {"head/depth": update(1)}
    _, left = encode_updates({"backbone": update()}, before, LAYOUTS, INT8)
    assert set(left) == {"backbone", "head/depth"}
    np.testing.assert_array_equal(left["head/depth"], update(1))


def test_what_travels_exactly_leaves_nothing():
    fp32 = build_codec({"name": "fp32"}, "exchange.up")
    for group, codec in (("backbone", fp32), ("norm_stats", INT8)):
        encoded, left = encode_updates({group: update()}, {}, LAYOUTS, codec)
        assert encoded[group].data == update().tobytes()
        assert not left
