"""The ClientApp: messages in, messages out, and errors that a person can read."""

import pytest
from flwr.app import Context, Message, RecordDict
from flwr.app.metadata import Metadata

from clients import app as module
from fedmtl.config import Plan
from fedmtl.exchange.messages import Description, Federation, Inquiry, Membership
from fedmtl.scenario import to_yaml
from server.messages import message
from tests.clients.deployed import make_site
from tests.federations import Wire, create, reply_with, vectors_of


@pytest.fixture
def directory(tmp_path):
    return create(tmp_path / "run")


def ask(directory, node, kind, payload=None, alter=None):
    """What the real ClientApp replies to one message."""
    wire = Wire(directory)
    question = message(node, kind, payload)
    if alter:
        question = alter(question)
    (reply,) = wire.send_and_receive([question])
    return reply


def test_describe_answers_with_a_description(directory):
    reply = ask(directory, 4, "query.describe", Inquiry(True))
    description = Description.from_json(reply.content["payload"]["json"])
    assert (description.client, description.channels) == ("c", 3)
    assert [spec.name for spec in description.tasks] == ["depth", "room_type"]
    assert not vectors_of(reply)


def test_join_answers_with_the_digests_of_the_groups(directory):
    specs = {
        spec.name: spec
        for node in (2, 3, 4)
        for spec in Description.from_json(
            ask(directory, node, "query.describe", Inquiry(True)).content["payload"]["json"]
        ).tasks
    }
    federation = Federation(
        "run", tuple(specs[name] for name in sorted(specs)), to_yaml(Plan.of(directory.scenario)), ()
    )
    membership = Membership.from_json(ask(directory, 3, "query.join", federation).content["payload"]["json"])
    assert {"backbone", "head/semseg"} <= set(membership.train)
    assert "head/depth" not in membership.train
    assert not membership.read


@pytest.mark.parametrize("kind", ["query.join", "train", "evaluate"])
@pytest.mark.parametrize("text", ["", "{", '{"run": 1}', "[[[["])
def test_a_message_that_is_nonsense_is_answered_with_an_error(kind, text, directory):
    def nonsense(question):
        filled = reply_with(question, text, {}).content
        return Message(filled, question.metadata.dst_node_id, kind)

    reply = ask(directory, 2, kind, alter=nonsense)
    assert reply.error.code == module.CLIENT_ERROR
    assert "holds no valid" in reply.error.reason


def test_a_plan_of_another_version_is_an_error_that_names_the_key(directory):
    plan = to_yaml(Plan.of(directory.scenario)).replace("batch_size", "batchsize")
    reply = ask(directory, 2, "query.join", Federation("run", (), plan, ()))
    assert reply.error.code == module.CLIENT_ERROR
    assert "the server's plan: unknown key 'training.batchsize'; did you mean '" in reply.error.reason


def test_networks_are_kept_between_messages_and_not_without_end(directory, monkeypatch):
    monkeypatch.setattr(module, "_participants", type(module._participants)())
    monkeypatch.setattr(module, "CACHED_PARTICIPANTS", 2)
    specs = Description.from_json(
        ask(directory, 2, "query.describe", Inquiry(True)).content["payload"]["json"]
    ).tasks
    plan = to_yaml(Plan.of(directory.scenario))
    for run in ("one", "two", "one", "three"):
        ask(directory, 2, "query.join", Federation(run, specs, plan, ()))
    assert [federation.run for _, federation in module._participants] == ["one", "three"]
    first = module._participants[next(iter(module._participants))]
    ask(directory, 2, "query.join", Federation("one", specs, plan, ()))
    assert list(module._participants.values())[-1] is first


def test_a_sites_errors_are_a_class_and_a_code_to_the_server_and_whole_in_its_own_log(tmp_path, caplog):
    folder = make_site(tmp_path)
    wrong = folder.file.read_text().replace("kind: rooms", f"kind: folder\n    path: {tmp_path}/mueller")
    folder.file.write_text(wrong)
    question = Message(
        RecordDict({}), metadata=Metadata(1, "asked", 1, 2, "", "", 0.0, 60.0, "query.describe")
    )
    context = Context(1, 2, {"site": str(folder.file)}, RecordDict(), {"run-dir": str(tmp_path)})
    reason = module.app(question, context).error.reason
    assert reason == "ConfigError, code config (the site's own log says more)"
    assert "mueller" in caplog.text or "source" in caplog.text
    assert "Traceback" in caplog.text
