import pytest

from fedmtl.deployment.site import load_site
from fedmtl.errors import ConfigError

SITE = """\
site: north
server: fl.example.org:8443
data: {source: {kind: folder, path: images}}
limits: {rounds: 3, private: ["head/*"]}
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "site.yaml"
        path.write_text(text)
        return load_site(path)

    return load


def test_relative_paths_are_from_the_files_folder(load, tmp_path):
    site = load(SITE)
    assert site.data.source["path"] == str(tmp_path / "images")
    assert (site.keys, site.ca, site.state) == tuple(
        str(tmp_path / name) for name in ("keys", "ca.crt", "state")
    )


def test_absolute_paths_and_home_directories_stay(load, monkeypatch):
    monkeypatch.setenv("HOME", "/home/north")
    assert load(SITE.replace("path: images", "path: /data")).data.source["path"] == "/data"
    assert load(SITE.replace("path: images", "path: ~/data")).data.source["path"] == "/home/north/data"


def test_what_is_not_said_has_its_default(load):
    site = load(SITE)
    assert (site.limits.rounds, site.limits.megabytes, site.limits.round_seconds) == (3, None, 3600)
    assert (site.device, site.tasks, site.domain) == ("auto", [], "any")


@pytest.mark.parametrize("server", ["localhost:1", "10.0.0.7:8443", "[fd00::7]:65535"])
def test_servers_that_can_be(load, server):
    assert load(SITE.replace("fl.example.org:8443", f'"{server}"')).server == server


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("site: north", "site: a/b", "site must be letters and digits"),
        ("site: north", "", "'site' is not set"),
        ("fl.example.org:8443", "fl.example.org", "server must be host:port"),
        ("fl.example.org:8443", "fl.example.org:0", "server must be host:port"),
        ("fl.example.org:8443", '":8443"', "server must be host:port"),
        ("kind: folder, ", "", r"data\.source\.kind is not set"),
        ("data: {", "data: {holdout: 1, ", r"data\.holdout must be in \[0, 1\)"),
        ("data: {", "data: {workers: -1, ", r"data\.workers must be 0 or more"),
        ("site: north", "site: north\nthreads: -1", "threads must be 0 or more"),
        ("site: north", "site: north\ndomain: ''", "domain must be letters and digits"),
        ("site: north", "site: north\nruntime_port: 9095", "health_port must be another than runtime_port"),
        ("site: north", "site: north\nruntime_port: 0", "runtime_port must be from 1 to 65535"),
        ("rounds: 3", "rounds: -1", r"limits\.rounds must be 0 or more"),
        ("rounds: 3", "seconds: .nan", r"limits\.seconds must be 0 or more, and finite"),
        ("rounds: 3", "megabytes: .inf", r"limits\.megabytes must be 0 or more, and finite"),
        ("rounds: 3", "runds: 3", "did you mean 'rounds'"),
    ],
)
def test_what_is_wrong_is_named(load, before, after, message):
    assert SITE.count(before) == 1
    with pytest.raises(ConfigError, match=rf"site\.yaml: .*{message}"):
        load(SITE.replace(before, after))
