"""What a worker takes, refuses and sends."""

import json
from contextlib import nullcontext
from hashlib import sha256
from threading import Event

import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, RecordDict
from flwr.app.metadata import Metadata

from clients.failures import ComputerLostError
from clients.ledger import UsageLedger
from clients.pinned_app import shipped_hash
from clients.sent_log import SentLog
from clients.worker import Worker
from fedmtl.deployment.site import Limits
from fedmtl.errors import RunError
from tests.clients.test_pinned_app import SHIPPED

NEVER = object()
"""A computer's reply that does not come."""
QUESTIONS = {
    "query.describe": "",
    "query.join": '{"run": "r1", "tasks": [], "plan": ""}',
    "train": '{"federation": {"run": "r1"}, "round": 3}',
    "evaluate": '{"federation": {"run": "r1"}, "round": 3}',
    "query.deal": '{"federation": {"run": "r1"}, "round": 3, "setup": {}}',
    "query.unmask": '{"federation": {"run": "r1"}, "round": 3, "request": {}}',
    "train.secure": '{"federation": {"run": "r1"}, "round": 3, "delivery": {}}',
    "evaluate.secure": '{"federation": {"run": "r1"}, "round": 3, "delivery": {}}',
}


def question(kind, text=None):
    text = QUESTIONS[kind] if text is None else text
    records = {"payload": ConfigRecord({"json": text}), "vectors": ArrayRecord({})}
    return Message(RecordDict(records), metadata=Metadata(1, "asked", 1, 2, "", "", 0.0, 60.0, kind))


def answer(asked, size):
    records = {
        "payload": ConfigRecord({"json": "{}"}),
        "vectors": ArrayRecord({"backbone": Array("float32", (size,), "raw", bytes(size))}),
    }
    return Message(RecordDict(records), reply_to=asked)


class Task:
    """A task of a runtime API."""

    def __init__(self, kind="train", text=None, type="flwr-clientapp", app=None, bundle=SHIPPED):
        self.kind, self.app, self.bundle = type, shipped_hash() if app is None else app, bundle
        self.asked, self.envelope = question(kind, text), question(kind, "")
        self.lost, self.reply, self.was_read = Event(), None, False
        self.kept_alive = nullcontext

    def message(self):
        self.was_read = True
        return self.asked

    def answer(self, reply):
        self.reply = reply


class Computer:
    """Replies of this many bytes, in order; an error is raised."""

    def __init__(self, *replies):
        self.replies, self.asked, self.replaced = list(replies), [], 0

    def ask(self, message):
        self.asked.append(message)

    def wait(self, seconds):
        reply = self.replies[0]
        if reply is NEVER:
            Event().wait(seconds)
            return None
        self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return answer(self.asked[-1], reply)

    def replace(self):
        self.replaced += 1


class Site:
    """A worker with everything that it writes, below a folder."""

    def __init__(self, folder, *replies, **limits):
        self.limits = Limits(**limits)
        self.computer = Computer(*replies)
        self.ledger = UsageLedger(folder / "ledger.json", self.limits)
        self.path = folder / "sent.jsonl"
        log = SentLog(self.path, self.ledger.account.answers, self.ledger.account.head)
        self.worker = Worker(None, self.computer, self.ledger, log, self.limits.round_seconds)

    def give(self, task):
        self.worker.handle(task)
        return task.reply

    def reason(self, task):
        """The one code that the reply has; what the log of what was sent says is the same."""
        error = self.give(task).error
        assert self.sent()[-1]["error"] == error.reason
        assert error.code == 1000
        return error.reason.split("code ")[1].split()[0]

    def sent(self):
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def test_an_answer_leaves_and_is_in_the_log_and_the_ledger_before(tmp_path):
    site, task = Site(tmp_path, 8), Task()

    def check(reply):
        (line,) = site.sent()
        assert (line["run"], line["round"], line["kind"], line["error"]) == ("r1", 3, "train", "")
        assert {part["name"]: part["bytes"] for part in line["parts"]} == {"payload.json": 2, "backbone": 8}
        assert line["parts"][1]["sha256"] == sha256(bytes(8)).hexdigest()
        account = UsageLedger(tmp_path / "ledger.json", Limits()).account
        assert (account.rounds, account.sent, account.answers) == (1, 10, 1)
        task.reply = reply

    task.answer = check
    assert site.give(task).has_content()
    assert site.computer.asked == [task.asked]


@pytest.mark.parametrize("kind", [kind for kind in QUESTIONS if kind.startswith("query.")])
def test_only_training_is_a_round_and_only_computing_takes_seconds(kind, tmp_path):
    site = Site(tmp_path, 0, rounds=0, seconds=0)
    assert site.give(Task(kind)).has_content()
    assert site.ledger.account.seconds == 0


@pytest.mark.parametrize("kind", ["train.secure", "query.deal", "query.unmask", "evaluate.secure"])
def test_what_secure_sums_send_is_in_the_log_by_run_and_round(kind, tmp_path):
    site = Site(tmp_path, 10)
    assert site.give(Task(kind)).has_content()
    assert site.ledger.account.rounds == (kind == "train.secure")
    (line,) = map(json.loads, (tmp_path / "sent.jsonl").read_text().splitlines())
    assert (line["run"], line["round"], line["kind"]) == ("r1", 3, kind)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("query.describe", "query.describe: answered, "),
        ("query.join", "query.join of run r1: answered, "),
        ("train", "train of run r1, round 3: answered, "),
    ],
)
def test_a_line_of_the_log_has_the_run_and_the_round_where_there_is_one(kind, says, tmp_path, caplog):
    caplog.set_level("INFO", "clients.worker")
    Site(tmp_path, 1).give(Task(kind))
    assert caplog.messages[-1].startswith(says)


def test_a_refusal_before_the_message_is_read_is_logged_by_its_kind_alone(tmp_path, caplog):
    Site(tmp_path).give(Task("train", type="flwr-agentapp"))
    assert caplog.messages[0].startswith("train: ")


@pytest.mark.parametrize("type", ["flwr-agentapp", "flwr-serverapp", "flwr-simulation", ""])
def test_a_task_that_is_no_clientapps_is_refused_at_once(type, tmp_path):
    site, task = Site(tmp_path), Task(type=type)
    assert site.reason(task) == "refused-task"
    assert not site.computer.asked
    assert not task.was_read


@pytest.mark.parametrize(
    "foreign",
    [{"app": "0" * 64}, {"bundle": b"another"}, {"app": sha256(b"x").hexdigest(), "bundle": b"x"}],
    ids=["announced", "sent", "both"],
)
def test_another_app_is_refused_before_its_message_is_read(foreign, tmp_path):
    site, task = Site(tmp_path), Task(**foreign)
    assert site.reason(task) == "refused-app"
    assert not site.computer.asked
    assert not task.was_read


def test_rounds_beyond_the_limit_are_refused(tmp_path):
    site = Site(tmp_path, 1, 1, rounds=1)
    assert site.give(Task()).has_content()
    assert site.reason(Task()) == "refused-rounds"
    assert len(site.computer.asked) == 1
    assert site.give(Task("evaluate")).has_content()


def test_seconds_beyond_the_limit_are_refused(tmp_path):
    site = Site(tmp_path, NEVER, seconds=0.05)
    assert site.reason(Task()) == "refused-seconds"
    assert site.computer.replaced == 1
    assert site.reason(Task("evaluate")) == "refused-seconds"
    assert len(site.computer.asked) == 1
    assert site.ledger.account.seconds == pytest.approx(0.05)


def test_seconds_that_were_not_used_are_given_back(tmp_path):
    site = Site(tmp_path, 1, seconds=1000)
    site.give(Task())
    assert 0 <= site.ledger.account.seconds < 10


@pytest.mark.parametrize("kind", list(QUESTIONS))
def test_what_takes_too_long_is_ended_and_the_process_replaced(kind, tmp_path):
    site = Site(tmp_path, NEVER, round_seconds=0.05)
    assert site.reason(Task(kind)) == "refused-round-seconds"
    assert site.computer.replaced == 1


@pytest.mark.parametrize(
    ("limit", "rule"), [("round_megabytes", "round-megabytes"), ("megabytes", "megabytes")]
)
def test_an_answer_that_is_too_large_does_not_leave(limit, rule, tmp_path):
    site = Site(tmp_path, 100_000, 50, **{limit: 0.05})
    assert site.reason(Task()) == f"refused-{rule}"
    assert site.sent()[-1]["parts"] == []
    assert site.ledger.account.sent == 0
    assert site.give(Task()).has_content()


def test_a_process_that_died_is_replaced_and_the_server_told_at_once(tmp_path):
    site = Site(tmp_path, ComputerLostError("out of memory?"), 1)
    assert site.reason(Task()) == "died"
    assert site.computer.replaced == 1
    assert site.give(Task()).has_content()


def test_a_message_that_cannot_be_read_is_answered(tmp_path):
    site, task = Site(tmp_path), Task()

    def broken():
        raise ValueError("odd bytes of /data/x")

    task.message = broken
    assert site.reason(task) == "refused-message"


@pytest.mark.parametrize("text", ["", "{", "[[[[", '{"round": 1}', '{"federation": 3}'])
def test_a_message_of_which_nothing_can_be_said_is_still_the_computers(text, tmp_path):
    site = Site(tmp_path, 1)
    assert site.give(Task("train", text)).has_content()
    assert (site.sent()[0]["run"], site.sent()[0]["round"]) == ("", 0)


def test_an_error_reply_is_sent_and_logged(tmp_path):
    site, task = Site(tmp_path, 1), Task()
    site.computer.wait = lambda seconds: Message(
        Error(1000, "DataError, code data (more)"), reply_to=task.asked
    )
    assert site.reason(task) == "data"


def test_a_task_that_the_supernode_forgot_is_given_up(tmp_path):
    site, task = Site(tmp_path, NEVER), Task()
    task.lost.set()
    with pytest.raises(RuntimeError, match="does not know it"):
        site.give(task)
    assert site.computer.replaced == 1
    assert task.reply is None


@pytest.mark.parametrize("broken", ["ledger.json", "sent.jsonl"])
def test_nothing_leaves_where_it_cannot_be_written_down(broken, tmp_path):
    site, task = Site(tmp_path, 1), Task("query.join")
    (tmp_path / broken).mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        site.give(task)
    assert task.reply is None
