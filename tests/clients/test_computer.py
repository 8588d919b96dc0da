"""The process that computes, for real."""

import os
import signal

import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.app.metadata import Metadata

from clients.computer import Computer
from clients.failures import ComputerLostError
from fedmtl.exchange.messages import Description, Inquiry
from tests.clients.deployed import make_site

SECONDS = 60.0


def question(kind="query.describe", **records):
    records = records or {
        "payload": ConfigRecord({"json": Inquiry(True).to_json()}),
        "vectors": ArrayRecord(),
    }
    return Message(RecordDict(records), metadata=Metadata(1, "asked", 1, 2, "", "", 0.0, 60.0, kind))


def test_it_answers_for_its_site_and_is_replaced_when_it_dies(tmp_path, capfd):
    with Computer(make_site(tmp_path).file) as computer:
        computer.ask(question())
        reply = computer.wait(SECONDS)
        assert Description.from_json(reply.content["payload"]["json"]).client == "a"
        assert reply.metadata.reply_to_message_id == "asked"

        computer.ask(question("query.hostile", secret=ConfigRecord({"path": "/data/mueller"})))
        error = computer.wait(SECONDS).error
        assert "code internal" in error.reason
        assert "hostile" not in error.reason
        assert "with name 'hostile'" in capfd.readouterr().err  # the site's own log

        first = computer.pid
        os.kill(first, signal.SIGSTOP)
        computer.ask(question())
        assert computer.wait(0.05) is None
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ComputerLostError, match="code -9: was it out of memory"):
            computer.wait(SECONDS)
        computer.replace()
        computer.ask(question())
        assert computer.wait(SECONDS).has_content()
        second = computer.pid
    assert first != second
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
