"""What is asked says how large an answer may be: every true answer fits, and not much more does."""

import pytest

from fedmtl.exchange.envelope import PAYLOAD, content_size
from server.allowances import ROOM, largest_reply
from tests.federations import Wire, create, kind_of, run_on


def allowed(asked):
    return int(asked.metadata.group_id)


def size_of(reply):
    return len(reply.content[PAYLOAD]["json"]) + content_size(reply.content)


@pytest.mark.parametrize("codec", ["{name: fp32}", "{name: topk, fraction: 1.0}"])
def test_every_true_answer_fits_and_not_much_more(codec, tmp_path):
    wire = Wire(create(tmp_path / "run", "rounds=1", f"exchange.up={codec}"))
    run_on(wire, wire.directory)
    assert {kind_of(asked) for asked, _ in wire.carried} == {
        "query.describe",
        "query.join",
        "train",
        "evaluate",
    }
    for asked, reply in wire.carried:
        assert size_of(reply) < allowed(asked)
        assert content_size(reply.content) <= allowed(asked) - ROOM <= 2 * content_size(reply.content)


def test_an_answer_without_vectors_has_room_for_its_words():
    assert largest_reply(0) == ROOM
