"""What holds for every codec, and which of them travels."""

from dataclasses import replace

import numpy as np
import pytest

from fedmtl.config import ExchangeConfig
from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codecs import CODECS, Fp32, build_codec, check_known, codec_of, known_tags
from fedmtl.exchange.layout import Entry, Layout
from tests.exchange.codecs.cases import LAYOUT, flat, update

NAMES = list(CODECS)


@pytest.fixture(params=NAMES)
def codec(request):
    return build_codec({"name": request.param}, "exchange.up")


def test_the_builtin_ones():
    assert NAMES == ["bf16", "fp32", "int8", "topk"]
    assert known_tags() == ("bf16/1", "fp32/1", "int8/1", "topk/1")


def test_the_length_is_known_before_a_vector_is(codec):
    for vector in (update(), np.zeros(LAYOUT.size, np.float32)):
        encoded = codec.encode(vector, LAYOUT)
        assert len(encoded.data) == codec.length(LAYOUT)
        assert (encoded.dtype, encoded.shape) == ("float32", (LAYOUT.size,))


def test_the_same_vector_gives_the_same_bytes_and_they_the_same_vector(codec):
    encoded = codec.encode(update(), LAYOUT)
    assert codec.encode(update(), LAYOUT) == encoded
    assert codec.decode(encoded, LAYOUT).tobytes() == codec.decode(encoded, LAYOUT).tobytes()
    assert codec.decode(encoded, LAYOUT).dtype == np.float32


def test_what_was_decoded_is_encoded_to_itself(codec):
    """So a client that sends what it received adds no error."""
    decoded = codec.decode(codec.encode(update(), LAYOUT), LAYOUT)
    again = codec.decode(codec.encode(decoded, LAYOUT), LAYOUT)
    np.testing.assert_allclose(again, decoded, rtol=1e-2, atol=1e-8)


def test_zeros_stay_zeros_and_an_empty_group_is_empty(codec):
    zeros = np.zeros(LAYOUT.size, np.float32)
    np.testing.assert_array_equal(codec.decode(codec.encode(zeros, LAYOUT), LAYOUT), zeros)
    empty = codec.encode(np.zeros(0, np.float32), flat(0))
    assert (empty.data, codec.decode(empty, flat(0)).size) == (b"", 0)


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_what_is_not_finite_never_arrives(value, codec):
    vector = update()
    vector[7] = value
    with pytest.raises(ExchangeError, match="has values that are not finite"):
        codec.decode(codec.encode(vector, LAYOUT), LAYOUT)


def test_error_feedback_delivers_in_the_end_what_a_codec_leaves_out(codec):
    """The sum of what arrived is the sum of what was sent, but for what is still left out."""
    wanted, arrived, left = np.zeros(LAYOUT.size), np.zeros(LAYOUT.size), np.zeros(LAYOUT.size, np.float32)
    for seed in range(300):
        wanted += update(seed)
        told = update(seed) + left
        decoded = codec.decode(codec.encode(told, LAYOUT), LAYOUT)
        arrived += decoded
        left = told - decoded
    np.testing.assert_allclose(arrived + left, wanted, atol=1e-6)
    assert np.linalg.norm(left) <= 0.5 * np.linalg.norm(wanted) + 1e-9


def test_another_encoding_length_or_shape_is_refused(codec):
    good = codec.encode(update(), LAYOUT)
    agreed = good.stype
    for bad, words in (
        (replace(good, stype="pickle"), f"the encoding 'pickle' where '{agreed}' was agreed"),
        (replace(good, stype=agreed + "0"), f"the encoding '{agreed}0' where '{agreed}' was agreed"),
        (replace(good, dtype="int8"), "dtype int8 where float32"),
        (replace(good, shape=(1, LAYOUT.size)), r"shape \(1, \d+\) where"),
        (replace(good, shape=(10**12,)), r"shape \(1000000000000,\) where"),
        (replace(good, data=good.data[:-1]), f"{len(good.data) - 1} bytes where"),
        (replace(good, data=good.data + b"\0"), f"{len(good.data) + 1} bytes where"),
        (replace(good, data=b""), "0 bytes where"),
    ):
        with pytest.raises(ExchangeError, match=words):
            codec.decode(bad, LAYOUT)


def test_any_bytes_are_a_finite_vector_or_an_exchange_error(codec):
    rng = np.random.default_rng(0)
    layout = flat(3)
    for _ in range(500):
        encoded = replace(codec.encode(np.zeros(3, np.float32), layout), data=rng.bytes(codec.length(layout)))
        try:
            vector = codec.decode(encoded, layout)
        except ExchangeError:
            continue
        assert vector.shape == (3,)
        assert np.isfinite(vector).all()


COUNTED = Layout((Entry("running_mean", (2,), "float32"), Entry("num_batches_tracked", (), "int64")))


@pytest.mark.parametrize(("group", "layout"), [("norm_stats", LAYOUT), ("other", COUNTED)])
def test_statistics_and_counters_are_exact_whatever_was_agreed_on(group, layout, codec):
    assert codec_of(group, layout, codec) == Fp32()
    assert codec_of("backbone", LAYOUT, codec) is codec


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"exchange\.up\.name is not set; known: bf16, fp32"),
        ({"name": "int"}, "unknown codec 'int': did you mean 'int8'"),
        ({"name": "int8", "bits": 4}, r"exchange\.up\.bits: codec 'int8' has no such option"),
        ({"name": "topk", "fraction": 0}, r"topk: fraction must be in \(0, 1\], not 0"),
        ({"name": "topk", "fraction": float("nan")}, "must be in"),
        ({"name": "topk", "fraction": "much"}, r"exchange\.up\.fraction: "),
        ({"name": "os:path"}, "'os:path' must be registered as an entry point to be shared"),
    ],
)
def test_a_codec_that_cannot_be_had_is_told(options, words):
    with pytest.raises(ConfigError, match=words):
        build_codec(options, "exchange.up")


def test_who_does_not_know_what_was_agreed_on_is_refused():
    exchange = ExchangeConfig(up={"name": "int8"}, down={"name": "bf16"})
    check_known(("fp32/1", "bf16/1", "int8/1"), exchange)
    with pytest.raises(
        ExchangeError, match=r"codec int8/1 \(exchange\.up\); it knows bf16/1, fp32/1, int8/2: ins"
    ):
        check_known(("fp32/1", "bf16/1", "int8/2"), exchange)
    with pytest.raises(ExchangeError, match=r"codec bf16/1 \(exchange\.down\)"):
        check_known(("fp32/1", "int8/1"), exchange)
    with pytest.raises(ExchangeError, match=r"codec fp32/1 \(exchange\.up\); it knows none"):
        check_known((), exchange)
