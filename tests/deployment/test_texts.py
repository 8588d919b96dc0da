import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from fedmtl.deployment import texts
from fedmtl.deployment.federation import Federation, ServerAddress, SiteEntry
from fedmtl.deployment.site import Limits, SiteConfig, SiteData, load_site
from fedmtl.deployment.texts import server_texts, site_texts


def federation(**server):
    address = ServerAddress(**{"host": "fl.example.org", **server})
    return Federation("streets", address, {"north": SiteEntry(tasks=["semseg", 'a "b": #c'])})


@pytest.fixture
def server():
    return server_texts(federation())


@pytest.fixture
def site():
    return site_texts(federation(), "north", dev_keys=False)


def every_text():
    for given in (federation(), federation(host="fd00::7", port=443, probe_bind="::")):
        yield from server_texts(given).items()
        for dev_keys in (False, True):
            yield from site_texts(given, "north", dev_keys=dev_keys).items()


def test_every_text_is_filled_in_and_ends_with_a_line():
    for name, text in every_text():
        assert "{{" not in text, name
        assert "{%" not in text, name
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name
        assert not [line for line in text.splitlines() if line != line.rstrip()], name


@pytest.mark.parametrize(
    ("host", "own"), [("localhost", True), ("127.0.0.1", True), ("fl.example.org", False)]
)
def test_sites_that_share_a_machine_have_ports_of_their_own(host, own):
    given = Federation("trial", ServerAddress(host=host), {"north": SiteEntry(), "south": SiteEntry()})
    ports = []
    for name in given.sites:
        texts_of_site = site_texts(given, name, dev_keys=False)
        settings = yaml.safe_load(texts_of_site["site.yaml"])
        ports += [settings["runtime_port"], settings["health_port"]]
        assert f"Ports {ports[-2]} and {ports[-1]} are open" in texts_of_site["README.md"]
    assert len(set(ports)) == (4 if own else 2)
    assert not {port for _, port in given.server.ports.values()} & set(ports)


def test_no_template_is_left_over():
    folder = Path(texts.__file__).parent / "templates"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*texts.SERVER_FILES.values(), *texts.SITE_FILES.values()}


def test_site_yaml_says_what_is_so_anyway(site, tmp_path):
    """So that a site sees every key that there is, with its default."""
    (tmp_path / "site.yaml").write_text(site["site.yaml"])
    expected = SiteConfig(
        site="north",
        server="fl.example.org:8443",
        data=SiteData(source={"kind": "folder", "path": "/data/images"}),
        tasks=["semseg", 'a "b": #c'],
        keys=str(tmp_path / "keys"),
        ca=str(tmp_path / "ca.crt"),
        roster=str(tmp_path / "roster.json"),
        state=str(tmp_path / "state"),
    )
    assert load_site(tmp_path / "site.yaml") == expected
    given = yaml.safe_load(site["site.yaml"])
    assert set(given) == set(SiteConfig.__dataclass_fields__)
    assert set(given["limits"]) == set(Limits.__dataclass_fields__)
    assert set(given["data"]) == set(SiteData.__dataclass_fields__)


@pytest.mark.parametrize("name", ["true", "1", "null", "1.5", "Ω"])
def test_a_site_may_have_a_name_that_yaml_reads_otherwise(tmp_path, name):
    given = Federation("streets", ServerAddress("fl.example.org"), {name: SiteEntry()})
    (tmp_path / "site.yaml").write_text(site_texts(given, name, dev_keys=False)["site.yaml"])
    assert load_site(tmp_path / "site.yaml").site == name


def test_a_server_with_a_numeric_address_is_reached_by_it():
    text = site_texts(federation(host="fd00::7"), "north", dev_keys=False)["site.yaml"]
    assert yaml.safe_load(text)["server"] == "[fd00::7]:8443"


@pytest.mark.parametrize("role", ["server", "site"])
def test_what_is_installed_has_all_that_a_run_may_ask_for(role, server, site):
    """Of a shipped scenario's weights and a site's privacy: an extra that is left out fails in the first round."""
    texts = {"server": server, "site": site}[role]
    (wheels,) = [line for line in texts["README.md"].splitlines() if "pip wheel" in line]
    (installed,) = [line for line in texts["README.md"].splitlines() if "pip install" in line]
    assert wheels.endswith("--wheel-dir wheelhouse '.[imagenet,privacy,torchjd]'")
    assert installed.endswith("--find-links wheelhouse 'fedmtl[imagenet,privacy,torchjd]'")
    assert "--find-links /wheelhouse 'fedmtl[imagenet,privacy,torchjd]'" in texts["Containerfile"]


@pytest.mark.parametrize("role", ["server", "site"])
def test_start_scripts_parse(role, server, site):
    script = {"server": server, "site": site}[role]["start.sh"]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=10)
    assert f"deploy {role} ." in script


def test_start_prefers_the_folders_own_environment(server, tmp_path):
    program = tmp_path / "a folder" / ".venv" / "bin" / "fedmtl"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$PWD: $*"\n')
    program.chmod(0o755)
    script = tmp_path / "a folder" / "start.sh"
    script.write_text(server["start.sh"])
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout == f"{tmp_path}/a folder: deploy server .\n"


@pytest.mark.parametrize("role", ["server", "site"])
def test_containers_may_do_little(role, server, site):
    composed = yaml.safe_load({"server": server, "site": site}[role]["compose.yaml"])
    container = composed["services"][role]
    assert container["read_only"]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["user"] != "root"
    assert ".:/srv/fedmtl:ro" in container["volumes"]


def test_only_the_public_port_is_published(server, site):
    composed = yaml.safe_load(server["compose.yaml"])["services"]["server"]
    assert composed["ports"] == ["8443:8443"]
    assert "ports" not in yaml.safe_load(site["compose.yaml"])["services"]["site"]


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9093/healthz"),
        ("0.0.0.0", "http://127.0.0.1:9093/healthz"),
        ("::", "http://[::1]:9093/healthz"),
        ("0::0", "http://[::1]:9093/healthz"),
        ("10.0.0.7", "http://10.0.0.7:9093/healthz"),
    ],
)
def test_the_health_check_asks_where_probes_are(bind, url):
    composed = yaml.safe_load(server_texts(federation(probe_bind=bind))["compose.yaml"])
    assert url in composed["services"]["server"]["healthcheck"]["test"][-1]


def test_an_image_is_built_of_wheels_alone(server):
    assert server[".dockerignore"].splitlines()[1:] == ["*", "!wheelhouse"]
    assert "COPY" not in server["Containerfile"]
    assert "--no-index" in server["Containerfile"]
    assert "USER 10001:10001" in server["Containerfile"]


@pytest.mark.parametrize("role", ["server", "site"])
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_knows_every_line_of_the_units(role, server, site, tmp_path):
    name = f"fedmtl-{role}.service"
    unit = {"server": server, "site": site}[role][name]
    # The kit is not installed here.
    (tmp_path / name).write_text(
        unit.replace(f"ExecStart=/opt/fedmtl/{role}/start.sh", "ExecStart=/bin/true")
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert name not in done.stderr


def test_a_unit_may_open_a_low_port_only_where_it_has_one(server):
    assert "CapabilityBoundingSet=\n" in server["fedmtl-server.service"]
    low = server_texts(federation(port=443))["fedmtl-server.service"]
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in low
    assert "CapabilityBoundingSet=\n" not in low


def test_nginx_passes_on_the_fleet_api_to_the_gateway_alone(server):
    text = server["nginx.conf"]
    assert text.count("proxy_pass ") == 1
    assert "proxy_pass https://127.0.0.1:8443;" in text
    assert '$request_uri !~ "^/v1/fleet/[a-z-]+$"' in text
    assert "proxy_ssl_name localhost;" in text
    own = server_texts(federation(certificate="a", private_key="b", ca="c"))["nginx.conf"]
    assert "proxy_ssl_name fl.example.org;" in own
    assert text.count("{") == text.count("}")


def test_only_a_trials_readme_speaks_of_keys_that_others_know(site):
    trial = site_texts(federation(), "north", dev_keys=True)
    assert "--dev-keys" in trial["README.md"]
    assert "--dev-keys" not in site["README.md"]
    assert "keys/north.public.json" in site["README.md"]


@pytest.mark.parametrize("name", ["README.md", "compose.yaml", "Containerfile", "nginx.conf"])
def test_no_text_names_another_machine(server, name):
    assert "://" not in server[name].replace("http://127.0.0.1:9093", "").replace(
        "https://127.0.0.1:8443", ""
    )
