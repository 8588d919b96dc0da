"""A SuperNode whose one way out is a proxy: CONNECT, then TLS through it to the gateway, in front of SuperLink."""

from contextlib import closing, contextmanager
from datetime import UTC, datetime
from threading import Thread

import pytest
import yaml

from fedmtl.deployment.readiness import HOST, free_port, is_listening
from server.gateway_process import build_server, tls
from tests.clients.deployed import link, make_site, running
from tests.deployment.kits import make_kit
from tests.tunnel import proxy
from tests.waiting import until

pytestmark = pytest.mark.deployment

NAME = "fl.example.org"
"""A name that nobody but the proxy can resolve."""


@contextmanager
def gateway(kit, superlink):
    """The federation's public port, in front of `superlink`."""
    port, context = free_port(), tls(kit.certificate, kit.private_key)
    trust = superlink.loopback.client_context()
    server = build_server(HOST, port, context, f"https://{superlink.address}", trust)
    thread = Thread(target=server.run)
    thread.start()
    try:
        until(lambda: is_listening(port))
        yield port
    finally:
        server.should_exit = True
        thread.join(15)


def test_a_supernode_goes_through_the_proxy_and_nowhere_else(tmp_path):
    kit = make_kit(tmp_path, f"name: n\nserver: {{host: {NAME}}}\nsites: {{a: {{}}}}\n", datetime.now(UTC))[0]
    site = make_site(tmp_path / "sites")
    with link(tmp_path / "server", site) as superlink, gateway(kit.server, superlink) as port, proxy() as way:
        settings = {"server": f"{NAME}:{port}", "proxy": f"http://{HOST}:{way.server_address[1]}"}
        site.file.write_text(yaml.safe_dump(yaml.safe_load(site.file.read_text()) | settings))
        site.__dict__.pop("config", None)
        site.ca.write_bytes(kit.server.ca.read_bytes())
        with running(tmp_path / "watch", site) as connections, closing(superlink.control()) as control:
            until(lambda: [node.status for node in control.nodes()] == ["online"], 120)
        assert way.asked == {("CONNECT", f"{NAME}:{port}")}
        ports = {way.server_address[1], site.config.runtime_port}
        assert set(connections.read_text().split("\n")) - {""} <= {f"{HOST} {port}" for port in ports}
