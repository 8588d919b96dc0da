"""The gateway between real TLS connections: what it passes on, and everything else that it does not."""

import socket
import ssl
from base64 import b64decode, b64encode
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread

import httpx
import pytest
import uvicorn
from flwr.proto.fleet_pb2 import PullMessagesResponse
from flwr.proto.message_pb2 import Message, Metadata

from fedmtl.deployment.readiness import HOST, free_port, is_listening
from server import allowances, gateway, gateway_process
from server.gateway_process import build_server, tls
from server.loopback import Loopback
from tests.deployment.kits import make_kit
from tests.waiting import until

FLEET = "/v1/fleet/push-object"


class SuperLink:
    """An ASGI application in SuperLink's place that notes what reaches it.

    Attributes:
        answer: what it answers; None: what it was sent, backwards.
    """

    def __init__(self):
        self.requests, self.answer, self.status = [], None, 200

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        headers = dict(scope["headers"])
        self.requests.append((scope["path"], headers, body))
        answer = [(b"content-type", b"application/x-protobuf"), (b"x-secret-server", b"1")]
        await send({"type": "http.response.start", "status": self.status, "headers": answer})
        await send({"type": "http.response.body", "body": body[::-1] if self.answer is None else self.answer})


@contextmanager
def serving(server, port):
    thread = Thread(target=server.run)
    thread.start()
    try:
        until(lambda: is_listening(port))
        yield
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    text = "name: streets\nserver: {host: localhost}\nsites: {north: {}}\n"
    return make_kit(tmp_path_factory.mktemp("kit"), text, datetime.now(UTC))[0].server


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """(SuperLink's application, its port, what it is trusted by)"""
    loopback, port, app = Loopback(tmp_path_factory.mktemp("state")), free_port(), SuperLink()
    loopback.prepare()
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        ssl_certfile=loopback.certificate,
        ssl_keyfile=loopback.private_key,
        log_level="error",
        lifespan="off",
        ws="none",
    )
    with serving(uvicorn.Server(config), port):
        yield app, port, loopback


@pytest.fixture(scope="module")
def port(kit, behind):
    _, upstream, loopback = behind
    port = free_port()
    context = tls(kit.certificate, kit.private_key)
    server = build_server(HOST, port, context, f"https://{HOST}:{upstream}", loopback.client_context())
    with serving(server, port):
        yield port


@pytest.fixture
def superlink(behind):
    behind[0].requests.clear()
    yield behind[0]
    behind[0].answer, behind[0].status = None, 200


def trusting(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    return context


@pytest.fixture(scope="module")
def client(kit, port):
    with httpx.Client(
        base_url=f"https://localhost:{port}", verify=trusting(kit.ca), trust_env=False
    ) as client:
        yield client


def raw(kit, port, request):
    """The status line of the answer to bytes that no client would send."""
    with (
        socket.create_connection((HOST, port), 10) as plain,
        trusting(kit.ca).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        return connection.recv(4096).split(b"\r\n")[0]


def test_the_fleet_api_is_passed_on_both_ways(client, superlink):
    body = bytes(range(256)) * 5 * 2**12  # 5 MiB, as Flower's chunks
    answer = client.post(FLEET, content=body, headers={"flwr-signature": "s", "flwr-public-key": "k"})
    assert (answer.status_code, answer.content) == (200, body[::-1])
    ((path, headers, arrived),) = superlink.requests
    assert (path, arrived) == (FLEET, body)
    assert (headers[b"flwr-signature"], headers[b"flwr-public-key"]) == (b"s", b"k")


def test_nothing_of_a_peer_goes_on_but_what_supernodes_say(client, superlink):
    """uvicorn, which SuperLink is, believes X-Forwarded-For of whoever connects from 127.0.0.1."""
    lies = [
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "flwr-task-token",
        "flwr-superexec-ts",
        "authorization",
    ]
    client.post(FLEET, content=b"x", headers=dict.fromkeys(lies, "127.0.0.1") | {"cookie": "a=b"})
    ((_, headers, _),) = superlink.requests
    assert set(headers) <= {b"host", b"content-length", b"connection", b"content-type", b"accept"}
    assert headers[b"host"].startswith(b"127.0.0.1:")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/start-run",
        "/v1/runtime/acquire-task",
        "/v1/fleet/",
        "/v1/fleet",
        "/v1/fleet/a/b",
        "/v1/fleet/push-object?x=1",
        "/v1/fleet/push-object/",
        "/v1/fleet/%2e%2e/control/start-run",
        "/v1/fleet/..%2fcontrol%2fstart-run",
        "/v1/Fleet/push-object",
        "/",
        "/docs",
    ],
)
def test_every_other_path_is_not_there(path, client, superlink):
    assert client.post(path, content=b"x").status_code == 404
    assert not superlink.requests


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/fleet/../control/start-run",
        b"//v1/fleet/push-object",
        b"https://localhost/v1/fleet/push-object",
        b"/v1/fleet/push-object#/../..",
        b"/v1/fleet/push-object\x00",
        b"*",
    ],
)
def test_no_trick_with_a_path_gets_through(target, kit, port, superlink):
    request = b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    assert raw(kit, port, request).split()[1] in (b"404", b"400")
    assert not superlink.requests


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_every_other_method_is_refused(method, client, superlink):
    assert client.request(method, FLEET).status_code == 404
    assert not superlink.requests


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(kit, port, superlink):
    length = gateway.LARGEST_BODY + 1
    head = f"POST {FLEET} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    assert raw(kit, port, head.encode()).split()[1] == b"413"
    assert not superlink.requests


def test_the_largest_body_gets_through(client, superlink):
    assert client.post(FLEET, content=bytes(gateway.LARGEST_BODY)).status_code == 200


def test_a_body_of_unknown_length_is_refused(client, superlink):
    assert client.post(FLEET, content=iter([b"x"])).status_code == 411
    assert not superlink.requests


def test_two_lengths_are_refused(kit, port, superlink):
    head = f"POST {FLEET} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"
    assert raw(kit, port, head.encode()).split()[1] in (b"400", b"411")
    assert not superlink.requests


def test_headers_without_end_are_refused(kit, port, superlink):
    head = f"POST {FLEET} HTTP/1.1\r\nHost: a\r\nx: {'y' * gateway_process.LARGEST_HEADERS}"
    assert raw(kit, port, head.encode()).split()[1] == b"400"


def test_a_client_with_another_ca_does_not_talk_to_it(port, behind):
    _, _, loopback = behind
    with (
        httpx.Client(verify=trusting(loopback.certificate), trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        client.post(f"https://localhost:{port}{FLEET}")


def test_plain_http_is_refused(port, superlink):
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.post(f"http://localhost:{port}{FLEET}", content=b"x")
    assert not superlink.requests


def test_old_tls_is_refused(kit, port):
    context = trusting(kit.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((HOST, port), 10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_connection_that_says_nothing_is_closed(kit, behind, monkeypatch):
    monkeypatch.setattr(gateway_process, "FIRST_REQUEST_SECONDS", 0.2)
    _, upstream, loopback = behind
    port, context = free_port(), tls(kit.certificate, kit.private_key)
    server = build_server(HOST, port, context, f"https://{HOST}:{upstream}", loopback.client_context())
    with (
        serving(server, port),
        socket.create_connection((HOST, port), 10) as plain,
        trusting(kit.ca).wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.recv(1) == b""


def test_a_body_that_does_not_come_is_given_up(kit, port, superlink, monkeypatch):
    monkeypatch.setattr(gateway, "BODY_SECONDS", 0.2)
    head = f"POST {FLEET} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nx"
    assert raw(kit, port, head.encode()).split()[1] == b"408"


@pytest.mark.parametrize("trusted", [True, False], ids=["nobody there", "another's certificate"])
def test_without_superlink_it_says_so_and_lives_on(trusted, kit, behind, tmp_path):
    """What a SuperNode is told makes it try again. Another process at SuperLink's port is not believed."""
    _, upstream, loopback = behind
    if not trusted:
        loopback = Loopback(tmp_path)
        loopback.prepare()
    port, context = free_port(), tls(kit.certificate, kit.private_key)
    where = free_port() if trusted else upstream
    server = build_server(HOST, port, context, f"https://{HOST}:{where}", loopback.client_context())
    with serving(server, port), httpx.Client(verify=trusting(kit.ca), trust_env=False) as client:
        for _ in range(2):
            assert client.post(f"https://localhost:{port}{FLEET}", content=b"x").status_code == 503


class Asked:
    """A node that asks SuperLink for messages, and pushes its answers to them."""

    def __init__(self, client, superlink, key):
        self.client, self.superlink, self.key = client, superlink, b64encode(key).decode()

    def ask(self, *allowed):
        """Whether it is given messages, with these group ids."""
        messages = [Message(metadata=Metadata(group_id=group_id)) for group_id in allowed]
        self.superlink.answer = PullMessagesResponse(messages_list=messages).SerializeToString()
        try:
            answer = self.post("/v1/fleet/pull-messages", 1)
            assert answer.content == self.superlink.answer
        finally:
            self.superlink.answer = None

    def push(self, size, path=FLEET):
        return self.post(path, size).status_code

    def post(self, path, size):
        return self.client.post(path, content=bytes(size), headers={"flwr-public-key": self.key})


def test_an_answer_in_many_objects_may_be_as_large_as_was_asked_for_and_no_larger(client, superlink, caplog):
    node, other = Asked(client, superlink, b"north"), Asked(client, superlink, b"south")
    node.ask("1000")
    other.ask("1000")
    assert [node.push(300) for _ in range(4)] == [200, 200, 200, 413]
    assert "answers with more bytes than it was asked for" in caplog.text
    assert [len(body) for _, _, body in superlink.requests if len(body) > 1] == [300, 300, 300]
    assert [node.push(101), node.push(101, "/v1/fleet/push-messages"), node.push(100)] == [413, 413, 200]
    assert other.push(1000) == 200
    assert node.post("/v1/fleet/send-node-heartbeat", 300).status_code == 200


def test_only_another_question_lets_more_through(client, superlink):
    node = Asked(client, superlink, b"north")
    node.ask("1000")
    assert [node.push(1000), node.push(1)] == [200, 413]
    node.ask()
    assert node.push(1) == 413
    node.ask("10")
    assert [node.push(11), node.push(10)] == [413, 200]


def test_what_superlink_did_not_take_does_not_count(client, superlink):
    node = Asked(client, superlink, b"north")
    node.ask("1000")
    superlink.status = 503
    assert [node.push(1000), node.push(1000)] == [503, 503]
    superlink.status = 200
    assert [node.push(1000), node.push(1)] == [200, 413]


def test_a_key_that_is_written_in_another_way_is_the_same_key(client, superlink):
    node, same = Asked(client, superlink, b"north"), Asked(client, superlink, b"")
    same.key = node.key[:-2] + "h="  # the two bits that count for nothing are not 0
    assert b64decode(same.key, validate=True) == b"north"
    assert same.key != node.key
    node.ask("1000")
    assert node.push(1000) == 200
    assert same.push(1) == 413


def test_a_question_that_says_nothing_is_answered_in_a_few_words(client, superlink):
    node = Asked(client, superlink, b"north")
    node.ask("")
    assert [node.push(allowances.ROOM), node.push(1)] == [200, 413]


def test_who_was_asked_before_the_gateway_came_may_answer_within_bounds(client, superlink, monkeypatch):
    node, bound = Asked(client, superlink, b"east"), allowances.Allowance(1000)
    monkeypatch.setattr(allowances.Allowances, "of", lambda self, node: self._of_node.get(node, bound))
    assert [node.push(1000), node.push(1)] == [200, 413]
