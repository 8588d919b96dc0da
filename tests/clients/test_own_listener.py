"""A foreign process where the SuperNode should be is sent nothing, not even a question."""

import os
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest

from clients.own_listener import StrangerError
from clients.runtime import Runtime, RuntimeErrors, Task
from fedmtl.deployment.readiness import HOST, free_port


@pytest.fixture
def there():
    """A process at the runtime port, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *words):
            pass

    with HTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"{HOST}:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def test_ones_own_supernode_is_asked(there):
    address, asked = there
    with closing(Runtime(address, b"secret")) as runtime, pytest.raises(httpx.HTTPStatusError):
        runtime.acquire()
    assert len(asked) == 1


def test_another_users_process_gets_no_question_and_no_answer(there, monkeypatch):
    address, asked = there
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    with (
        closing(Runtime(address, b"secret")) as runtime,
        pytest.raises(StrangerError, match="open to a process of user"),
    ):
        runtime.acquire()
    task = Task(address, "token", "flwr-clientapp", "hash")
    with pytest.raises(RuntimeErrors, match="find out which"):
        _ = task.bundle
    assert asked == []


def test_where_nobody_listens_it_is_away_as_ever():
    with closing(Runtime(f"{HOST}:{free_port()}", b"secret")) as runtime, pytest.raises(httpx.ConnectError):
        runtime.acquire()
