import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.envelope import PAYLOAD, VECTORS, content_size, unpack

ARRAY = Encoded("float32", (2,), "raw", b"12345678")
CONTENT = {PAYLOAD: {"json": '{"name":"süd"}'}, VECTORS: {"norm": ARRAY}}


def test_a_message_is_a_text_and_vectors():
    assert unpack(CONTENT) == ('{"name":"süd"}', {"norm": ARRAY})


def test_its_size_is_that_of_the_vectors():
    assert content_size(CONTENT) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**CONTENT, "metrics": {}}, "unexpected record 'metrics'"),
        ({VECTORS: {}}, "not a payload and vectors .*payload"),
        ({PAYLOAD: {"json": ""}}, "not a payload and vectors .*vectors"),
        ({**CONTENT, PAYLOAD: {}}, "json"),
        ({**CONTENT, PAYLOAD: "json"}, "not a payload"),
        ({**CONTENT, VECTORS: [ARRAY]}, "not a payload"),
        ({**CONTENT, VECTORS: {"norm": b"1234"}}, "dtype"),
        ({**CONTENT, VECTORS: {"norm": Encoded("float32", None, "raw", b"")}}, "not iterable"),
    ],
)
def test_other_contents_are_refused(content, message):
    with pytest.raises(ExchangeError, match=message):
        unpack(content)
