import pytest

from fedmtl.deployment.federation import EXAMPLE, load_federation
from fedmtl.errors import ConfigError
from tests.deployment.kits import FEDERATION, write_federation


def load(folder, text):
    return load_federation(write_federation(folder, text))


def test_the_example_is_one(tmp_path):
    federation = load(tmp_path, EXAMPLE)
    assert set(federation.sites) == {"north", "south"}
    assert federation.sites["south"].tasks == ["depth"]


def test_a_federation_that_is_right(tmp_path):
    federation = load(tmp_path, FEDERATION)
    assert (federation.name, federation.server.address) == ("streets", "fl.example.org:8443")


@pytest.mark.parametrize(
    "host", ["localhost", "10.0.0.7", "fd00::7", "fl.example.org", "FL-1.example", "a_b.local"]
)
def test_hosts_that_can_be(tmp_path, host):
    assert load(tmp_path, FEDERATION.replace("fl.example.org", f"'{host}'")).server.host == host


def test_a_numeric_address_of_version_6_is_bracketed(tmp_path):
    assert (
        load(tmp_path, FEDERATION.replace("fl.example.org", "'fd00::7'")).server.address == "[fd00::7]:8443"
    )


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "a;b",
        "https://a",
        "a:8443",
        "-a",
        "a.",
        ".a",
        "a..b",
        'a"',
        "a\\n",
        "ä.org",
        "a" * 254,
        "a/b",
    ],
)
def test_hosts_that_cannot_be(tmp_path, host):
    with pytest.raises(ConfigError, match=r"server\.host must be a host name or an IP address"):
        load(tmp_path, FEDERATION.replace("fl.example.org", f'"{host}"' if '"' not in host else f"'{host}'"))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("name: streets", "name: ../streets", "name must be letters and digits"),
        ("name: streets", "nmae: streets", "did you mean 'name'"),
        ("name: streets", "", "'name' is not set"),
        ("{host: fl.example.org}", "{port: 1}", "'server.host' is not set"),
        ("  north:", "  ../north:", "sites must be named by letters and digits"),
        ("  north:", "  .north:", "sites must be named by letters and digits"),
        ("fl.example.org", "a, port: 0", r"server\.port must be from 1 to 65535, not 0"),
        ("fl.example.org", "a, probe_port: 65536", r"server\.probe_port must be from 1 to 65535"),
        ("fl.example.org", "a, port: 9091", "a port of its own for each of"),
        ("fl.example.org", "a, bind: localhost", r"server\.bind must be an IP address, not 'localhost'"),
        ("fl.example.org", "a, probe_bind: ''", r"server\.probe_bind must be an IP address"),
        ("fl.example.org", "a, certificate: x.crt", "certificate, private_key and ca together"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, before, after, message):
    assert FEDERATION.count(before) == 1
    with pytest.raises(ConfigError, match=rf"federation\.yaml: .*{message}"):
        load(tmp_path, FEDERATION.replace(before, after))


def test_a_federation_of_nobody_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must name at least one site"):
        load(tmp_path, "name: streets\nserver: {host: a}\n")
