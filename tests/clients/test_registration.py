"""Whether a server knows a node key, asked of a real SuperLink."""

from contextlib import closing

from clients.registration import check_registered
from fedmtl.deployment.doctor.line import Line
from tests.clients.deployed import link, make_site


def ask(site):
    with Line(site.config.server, site.ca) as line:
        assert {finding.status for finding in line.open()} == {"ok"}
        (found,) = check_registered(line, site.keys)
    return found


def test_a_superlink_tells_known_keys_from_others_and_no_node_is_touched(tmp_path):
    site, other = make_site(tmp_path), make_site(tmp_path, "b")
    with link(tmp_path / "server", site) as server, closing(server.control()) as control:
        other.config.server = site.config.server
        other.ca.write_bytes(site.ca.read_bytes())
        assert ask(site).status == "ok"
        assert "does not know this site's node key" in ask(other).found
        (node,) = control.nodes()
        assert node.status == "registered"  # and not online, as an activation would have made it
        control.unregister(node)
        assert "does not know this site's node key" in ask(site).found
