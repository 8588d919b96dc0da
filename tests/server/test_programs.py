"""When the server's processes are ready; test_host.py has them for real."""

from datetime import UTC, datetime
from threading import Thread

import pytest

from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.deployment.server_folder import ServerFolder
from server.gateway_process import build_server, tls
from server.host import GATEWAY, programs
from server.loopback import Loopback
from tests.deployment.kits import make_kit
from tests.ipv6 import needs_ipv6
from tests.waiting import until


@pytest.mark.parametrize(
    "bind", ["127.0.0.1", "0.0.0.0", *(pytest.param(bind, marks=needs_ipv6) for bind in ("::", "::1"))]
)
def test_a_gateway_is_ready_once_it_listens_whatever_address_it_is_given(bind, tmp_path):
    port = free_port()
    text = f"name: n\nserver: {{host: localhost, bind: '{bind}', port: {port}}}\nsites: {{a: {{}}}}\n"
    folder = ServerFolder(make_kit(tmp_path, text, datetime.now(UTC))[0].server.path)
    loopback = Loopback(tmp_path)
    loopback.prepare()
    context = tls(folder.certificate, folder.private_key)
    server = build_server(bind, port, context, f"https://{HOST}:{free_port()}", loopback.client_context())
    (gateway,) = [program for program in programs(folder) if program.name == GATEWAY]
    assert not gateway.is_ready()
    thread = Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        assert gateway.is_ready()
    finally:
        server.should_exit = True
        thread.join(15)
    assert not thread.is_alive()
