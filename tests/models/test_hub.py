"""Weights that nobody can download are told at once, and a server that answers is asked for them."""

import socket
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest
import timm
import torch
from huggingface_hub import constants

from fedmtl.config import BackboneConfig
from fedmtl.errors import ModelError
from fedmtl.models import hub
from fedmtl.models.backbone import Backbone

NAME = "resnet18"
KNOWN = timm.get_pretrained_cfg(NAME)
BY_ADDRESS = replace(KNOWN, hf_hub_id=None, url="")


@pytest.fixture
def closed():
    """The address of a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def answering():
    """The address of a server that knows nothing but answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """Nothing has been downloaded before, and no proxy stands before loopback."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def test_weights_out_of_reach_are_told_in_one_sentence_with_a_way_out(closed, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", closed)
    with pytest.raises(ModelError) as caught:
        Backbone(BackboneConfig(NAME, "timm"), 3, (64, 64))
    message = str(caught.value)
    assert message.startswith(f"model.backbone.weights: timm's weights for {NAME} are not on this machine")
    assert f"{closed.removeprefix('http://')} cannot be reached (" in message
    assert f"{closed}/{KNOWN.hf_hub_id}" in message
    assert message.endswith("model.backbone.weights=FILE")
    assert "\n" not in message


def test_a_server_that_answers_is_left_to_timm(answering, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", answering)
    hub.require_within_reach(NAME, KNOWN)


def test_weights_of_no_hub_are_asked_for_at_their_own_address(closed, answering):
    with pytest.raises(ModelError, match=f"from {closed}/some.pth and give"):
        hub.require_within_reach(NAME, replace(BY_ADDRESS, url=f"{closed}/some.pth"))
    hub.require_within_reach(NAME, replace(BY_ADDRESS, url=f"{answering}/some.pth"))
    hub.require_within_reach(NAME, BY_ADDRESS)  # timm says that there are none


def test_nobody_is_asked_for_weights_that_are_kept(closed, monkeypatch, empty):
    monkeypatch.setattr(constants, "ENDPOINT", closed)
    repository = empty / "hub" / f"models--{KNOWN.hf_hub_id.replace('/', '--')}"
    kept = repository / "snapshots" / "abc" / "model.safetensors"
    for path, text in ((kept, ""), (repository / "refs" / "main", "abc")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    hub.require_within_reach(NAME, KNOWN)
    kept.unlink()
    with pytest.raises(ModelError, match="cannot be reached"):
        hub.require_within_reach(NAME, KNOWN)
    downloaded = empty / "torch" / "checkpoints" / "some.pth"
    downloaded.parent.mkdir(parents=True)
    downloaded.touch()
    hub.require_within_reach(NAME, replace(BY_ADDRESS, url=f"{closed}/some.pth"))


def test_a_hub_that_is_set_to_be_offline_is_out_of_reach(answering, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", answering)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="offline mode is enabled"):
        hub.require_within_reach(NAME, KNOWN)


def test_waiting_has_an_end_even_where_the_client_has_none(monkeypatch):
    released = Event()

    class Stuck:
        def head(self, *_, **__):
            released.wait()

    monkeypatch.setattr("huggingface_hub.get_session", Stuck)
    monkeypatch.setattr(hub, "PATIENCE", 0.01)
    with pytest.raises(ModelError, match=r"\(no answer in 0\.01 seconds\)"):
        hub.require_within_reach(NAME, KNOWN)
    released.set()
