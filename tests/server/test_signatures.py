"""Answers that are not the registered site's own: the server believes none of them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict

from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.registered import Registered
from fedmtl.errors import ExchangeError
from fedmtl.exchange.envelope import PAYLOAD, SIGNATURE, VECTORS, unpack
from fedmtl.exchange.signature import sign
from fedmtl.reporting.events import MetricsLog
from server.rounds import run_rounds
from server.signatures import NOBODY_SIGNS, Signatures
from tests.federations import CLIENTS, Wire, client_of, create, events_of, is_train, kind_of, models_of


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """Keys of the clients a, b and c, and the sites.json that has them."""
    folder = tmp_path_factory.mktemp("keys")
    folders = {client: KeyFolder(folder / client, client) for client in CLIENTS}
    sites = Registered({client: keys.make() for client, keys in folders.items()})
    sites.save(folder / "sites.json")
    return folder / "sites.json", {client: keys.load_roster() for client, keys in folders.items()}


def signed(reply, key, asked):
    if not reply.has_error():
        question = asked.metadata.message_id
        reply.content[PAYLOAD][SIGNATURE] = sign(key, question, kind_of(asked), *unpack(reply.content))
    return reply


def run(path, registered, alter, *overrides):
    """A federation whose clients sign, but for what `alter` does; it gets a client's key by name."""
    sites, keys = registered
    directory = create(path, *overrides)

    def answer(asked, reply):
        return alter(asked, signed(reply, keys[client_of(asked)], asked), keys)

    with MetricsLog(directory.metrics) as log:
        run_rounds(Wire(directory, answer), directory, log, "inprocess", Signatures(sites))
    return directory


def failures(directory):
    return [(e["client"], e["round"], e["error"]) for e in events_of(directory, "failure")]


def test_a_federation_of_registered_sites_is_as_any_other(registered, tmp_path, straight):
    directory = run(tmp_path / "run", registered, lambda asked, reply, keys: reply)
    assert failures(directory) == []
    assert models_of(directory) == models_of(straight)


def test_another_sites_reply_costs_the_round_alone(registered, tmp_path):
    """Site a's own answer, said to be b's by whoever carries messages."""
    taken = {}

    def swap(asked, reply, keys):
        if kind_of(asked) == "train" and client_of(asked) == "a":
            taken["content"] = reply.content
        if is_train(asked, "b", 2):
            return Message(taken["content"], reply_to=asked)
        return reply

    directory = run(tmp_path / "run", registered, swap)
    assert [failure[:2] for failure in failures(directory)] == [("b", 2)]
    assert "its roster key did not sign" in failures(directory)[0][2]


def test_a_replayed_reply_is_refused(registered, tmp_path):
    """b's answer of this very round, to the first time that it was asked: nothing in it is wrong but the question."""
    old = {}

    def replay(asked, reply, keys):
        if is_train(asked, "b", 1):
            old["content"] = reply.content
        if is_train(asked, "b", 2):
            return Message(old["content"], reply_to=asked)
        return reply

    directory = run(tmp_path / "run", registered, replay)
    assert [failure[:2] for failure in failures(directory)] == [("b", 2)]
    assert "did not sign" in failures(directory)[0][2]


@pytest.mark.parametrize("kind", ["train", "evaluate"])
def test_an_answer_that_was_changed_on_the_way_is_refused(kind, registered, tmp_path):
    def change(asked, reply, keys):
        if kind_of(asked) == kind and client_of(asked) == "c":
            text = reply.content[PAYLOAD]["json"].replace('"seconds":', '"seconds":1')
            signature = reply.content[PAYLOAD][SIGNATURE]
            records = {PAYLOAD: ConfigRecord({"json": text, SIGNATURE: signature})}
            return Message(RecordDict({**records, VECTORS: reply.content[VECTORS]}), reply_to=asked)
        return reply

    directory = run(tmp_path / "run", registered, change, "rounds=1")
    assert [failure[:2] for failure in failures(directory)] == [("c", 1)]


def test_nobody_joins_under_a_name_that_is_not_its_own(registered, tmp_path):
    """Site a's node calls itself c, and signs that with the one key that it has."""

    def pretend(asked, reply, keys):
        if kind_of(asked) == "query.describe" and client_of(asked) == "c":
            return signed(reply, keys["a"], asked)
        return reply

    with pytest.raises(
        Exception, match="only 2 of 3 clients joined: node 4 gives an answer that its roster key did"
    ):
        run(tmp_path / "run", registered, pretend)


def test_an_unregistered_or_revoked_site_is_refused(registered, tmp_path):
    sites, _ = registered
    few = tmp_path / "few.json"
    Registered.load(sites).revoke("b").save(few)
    stranger = Message(
        RecordDict({PAYLOAD: ConfigRecord({"json": ""}), VECTORS: ArrayRecord({})}),
        dst_node_id=1,
        message_type="train",
    )
    with pytest.raises(ExchangeError, match="'b', which is not a registered site"):
        Signatures(few).check("b", stranger)
    NOBODY_SIGNS.check("b", stranger)


def test_who_does_not_sign_is_refused(registered, tmp_path):
    def bare(asked, reply, keys):
        if is_train(asked, "a", 1):
            del reply.content[PAYLOAD][SIGNATURE]
        return reply

    directory = run(tmp_path / "run", registered, bare, "rounds=1")
    assert failures(directory) == [("a", 1, "a gives an answer that is not signed")]


def test_a_key_is_not_enough_without_the_registration(registered, tmp_path):
    def foreign(asked, reply, keys):
        return signed(reply, Ed25519PrivateKey.generate(), asked) if client_of(asked) == "a" else reply

    with pytest.raises(Exception, match="only 2 of 3 clients joined"):
        run(tmp_path / "run", registered, foreign)
