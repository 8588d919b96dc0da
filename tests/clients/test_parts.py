"""What an answer consists of."""

from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, RecordDict
from flwr.app.metadata import Metadata

from clients.parts import parts_of

METADATA = Metadata(1, "id", 2, 1, "asked", "", 0.0, 60.0, "train")


def test_every_byte_has_a_name():
    records = {
        "payload": ConfigRecord({"json": "{}", "signature": b"\x01\x02"}),
        "vectors": ArrayRecord({"head/depth": Array("float32", (1,), "raw", b"1234")}),
        "more": ArrayRecord({"a": Array("float32", (1,), "raw", b"5678")}),
        "odd": ConfigRecord({"numbers": [1, 2]}),
    }
    assert parts_of(Message(RecordDict(records), metadata=METADATA)) == {
        "payload.json": b"{}",
        "payload.signature": b"\x01\x02",
        "head/depth": b"1234",
        "more.a": b"5678",
        "odd.numbers": b"[1, 2]",
    }


def test_an_error_reply_has_none():
    assert parts_of(Message(Error(1000, "why"), metadata=METADATA)) == {}
