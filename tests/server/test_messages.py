"""Between payloads and vectors and Flower's messages."""

import numpy as np
import pytest
from flwr.app import Array, ConfigRecord, Error, Message, RecordDict

from clients.app import app as client_app
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import encode
from fedmtl.exchange.messages import Federation
from server.delivery import NO_ANSWER
from server.messages import content_of, message, to_array
from simulations.inprocess import InProcessGrid


@pytest.fixture(autouse=True, scope="module")
def identity():
    """Messages can be made where a grid has told Flower who the server is."""
    InProcessGrid(client_app, 0, {})


def test_what_is_packed_is_unpacked():
    vector = np.arange(5, dtype=np.float32)
    federation = Federation("run", (), "plan", ())
    sent = message(7, "query.join", federation, {"backbone": to_array(encode(vector))}, ttl=3.0)
    assert (sent.metadata.dst_node_id, sent.metadata.message_type, sent.metadata.ttl) == (
        7,
        "query.join",
        3.0,
    )
    text, vectors = content_of(sent)
    assert Federation.from_json(text) == federation
    assert vectors == {"backbone": encode(vector)}


def test_nothing_is_packed_as_no_text_and_no_vectors():
    assert content_of(message(7, "query.describe")) == ("", {})


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Error(1000, "no power"), "failed: no power"),
        (Error(5), "failed: code 5"),
        (Error(NO_ANSWER, "did not answer within 3 s"), "did not answer within 3 s"),
    ],
)
def test_an_error_ends_a_sentence_about_the_client(error, words):
    with pytest.raises(ExchangeError) as raised:
        content_of(Message(error, reply_to=message(7, "train")))
    assert str(raised.value) == words


def test_other_records_are_refused():
    for content in (RecordDict(), RecordDict({"payload": ConfigRecord({"json": ""})})):
        with pytest.raises(ExchangeError, match="not a payload and vectors"):
            content_of(Message(content, reply_to=message(7, "train")))


def test_one_array_may_go_into_many_messages():
    array = to_array(encode(np.ones(3, np.float32)))
    assert isinstance(array, Array)
    sent = [message(node, "train", None, {"backbone": array}) for node in (2, 3)]
    assert all(content_of(each)[1]["backbone"].data == array.data for each in sent)
