import json
from datetime import UTC, datetime, timedelta

import pytest

from fedmtl.deployment.authority import Authority, load_certificates
from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.registered import Registered
from fedmtl.deployment.roster import load_roster
from fedmtl.deployment.site import load_site
from fedmtl.errors import ConfigError
from tests.deployment.kits import FEDERATION, NOW, make_kit, tree

WITH_WEST = FEDERATION + "  west: {tasks: [normals]}\n"


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def hand_over(folder, site):
    """What the site's `fedmtl deploy keygen` made public, beside federation.yaml."""
    keys = KeyFolder(folder / f"at-{site}", site).make()
    public = folder / f"at-{site}" / f"{site}.public.json"
    public.rename(folder / public.name)
    return keys


def with_keys(*sites):
    """The federation, with the public files of `sites` named."""
    text = FEDERATION
    for site in sites:
        text = text.replace(f"{site}: {{", f"{site}: {{public_keys: {site}.public.json, ")
    return text


def test_what_a_kit_holds(tmp_path):
    kit, _ = make_kit(tmp_path)
    common = {"README.md", "start.sh", "compose.yaml", "Containerfile", ".dockerignore"}
    server = {"federation.yaml", "sites.json", "nginx.conf", "fedmtl-server.service"}
    tls = {"tls/server.crt", "tls/server.key", "tls/ca.crt"}
    assert set(tree(kit.server.path)) == common | server | tls
    assert set(tree(kit.site("north"))) == common | {"site.yaml", "ca.crt", "fedmtl-site.service"}
    assert set(tree(kit.ca)) == {"ca.key", "ca.crt"}
    assert {path.name for path in kit.path.iterdir()} == {"ca", "server", "sites"}


def test_every_site_is_given_the_keys_that_all_sign_with(tmp_path):
    keys = {site: hand_over(tmp_path, site) for site in ("north", "south")}
    kit, _ = make_kit(tmp_path, with_keys("north"))
    rosters = [kit.site(site) / "roster.json" for site in ("north", "south")]
    assert [set(load_roster(path)) for path in rosters] == [{"north"}, {"north"}]
    kit, news = make_kit(tmp_path, with_keys("north", "south"))
    told = [
        f"{path} is new: send it to site {path.parent.name}, which puts it beside its site.yaml"
        for path in rosters
    ]
    assert set(told) <= set(news)
    assert all(load_roster(path) == {s: k.roster for s, k in keys.items()} for path in rosters)
    assert kit.revoke("south") == told[:1]
    assert [set(load_roster(path)) for path in rosters] == [{"north"}, {"north"}]


def test_a_site_that_was_given_its_folder_before_there_was_a_roster_is_sent_it(tmp_path):
    make_kit(tmp_path)
    hand_over(tmp_path, "north")
    _, news = make_kit(tmp_path, with_keys("north"))
    assert [line for line in news if "roster.json is new: send it to site north" in line]


def test_a_roster_that_is_in_the_folder_from_the_first_need_not_be_sent(tmp_path):
    kit, news = make_kit(tmp_path, dev_keys=True)
    assert (kit.site("north") / "roster.json").exists()
    assert not [line for line in news if "roster.json" in line]


def test_modes(tmp_path):
    kit, _ = make_kit(tmp_path, dev_keys=True)
    private = {path for path, (_, mode) in tree(kit.path).items() if mode & 0o077 == 0}
    keys = {f"sites/{site}/keys/{name}.key" for site in ("north", "south") for name in ("node", "roster")}
    assert private == keys | {"ca/ca.key", "server/tls/server.key"}
    assert {path for path in tree(kit.path) if path.endswith(".key")} == private
    scripts = {path for path, (_, mode) in tree(kit.path).items() if mode & 0o100}
    assert scripts == {"server/start.sh", "sites/north/start.sh", "sites/south/start.sh"}


def test_the_ca_key_and_the_servers_key_go_nowhere_else(tmp_path):
    kit, _ = make_kit(tmp_path)
    for key in (kit.ca / "ca.key", kit.server.private_key):
        secret = key.read_bytes()
        others = [path for path in kit.path.rglob("*") if path.is_file() and path != key]
        assert not [path for path in others if secret in path.read_bytes()]


def test_running_again_changes_nothing(tmp_path):
    kit, first = make_kit(tmp_path, dev_keys=True)
    before = tree(kit.path)
    _, again = make_kit(tmp_path, now=NOW + timedelta(days=300), dev_keys=True)
    assert tree(kit.path) == before
    assert first
    assert again == []


def test_a_site_is_added_without_touching_the_others(tmp_path):
    kit, _ = make_kit(tmp_path)
    for site in ("north", "south"):
        (kit.site(site) / "site.yaml").write_text(f"# edited at {site}\n")
    (kit.site("north") / "compose.yaml").unlink()
    before = {site: tree(kit.site(site)) for site in ("north", "south")}
    ca, tls = tree(kit.ca), tree(kit.server.path / "tls")
    make_kit(tmp_path, WITH_WEST)
    del before["north"]["site.yaml"]
    after = tree(kit.site("north"))
    assert {name: after[name] for name in before["north"]} == before["north"]
    assert "compose.yaml" in after  # what is missing comes back
    assert (kit.site("north") / "site.yaml").read_text() == "# edited at north\n"
    assert tree(kit.site("south")) == before["south"]
    assert (tree(kit.ca), tree(kit.server.path / "tls")) == (ca, tls)
    assert load_site(kit.site("west") / "site.yaml").tasks == ["normals"]


def test_the_servers_files_follow_the_federation(tmp_path):
    kit, _ = make_kit(tmp_path)
    make_kit(tmp_path, FEDERATION.replace("fl.example.org", "fl.example.org, port: 9443"))
    assert kit.server.federation.server.port == 9443
    assert '"9443:9443"' in (kit.server.path / "compose.yaml").read_text()


def test_sites_are_registered_by_what_they_hand_over(tmp_path):
    keys = hand_over(tmp_path, "south")
    kit, news = make_kit(tmp_path, with_keys("south"))
    assert Registered.load(kit.server.sites).sites == {"south": keys}
    assert any(keys.fingerprint in line for line in news)
    assert any("north is not registered" in line for line in news)
    assert not (kit.site("south") / "keys").exists()


def test_dev_keys_are_for_those_who_handed_none_over(tmp_path):
    keys = hand_over(tmp_path, "south")
    kit, _ = make_kit(tmp_path, with_keys("south"), dev_keys=True)
    assert Registered.load(kit.server.sites).sites == {"south": keys, "north": kit.keys("north").make()}
    assert not (kit.site("south") / "keys").exists()


def test_a_changed_host_has_the_certificate_issued_anew_and_sites_told(tmp_path):
    kit, _ = make_kit(tmp_path)
    ca, key = tree(kit.ca), kit.server.private_key.read_bytes()
    sites = tree(kit.path / "sites")
    _, news = make_kit(tmp_path, FEDERATION.replace("fl.example.org", "new.example.org"))
    assert any("server.crt is new, because the host is another: restart the server" in line for line in news)
    assert sum("server: fl.example.org:8443, which is new.example.org:8443 now" in line for line in news) == 2
    assert (tree(kit.ca), kit.server.private_key.read_bytes(), tree(kit.path / "sites")) == (ca, key, sites)


def test_a_task_that_was_mistyped_at_first_is_told_and_left_to_the_site(tmp_path):
    kit, _ = make_kit(tmp_path, FEDERATION.replace("[depth]", "[dept]"))
    path = kit.site("south") / "site.yaml"
    before = path.read_bytes()
    news = make_kit(tmp_path)[1]
    assert [
        line
        for line in news
        if line.startswith(f"{path} offers ['dept'], where federation.yaml expects ['depth']")
    ]
    assert path.read_bytes() == before


def test_a_certificate_that_ends_soon_is_renewed_and_sites_change_nothing(tmp_path):
    kit, _ = make_kit(tmp_path)
    before, sites = kit.server.certificate.read_bytes(), tree(kit.path / "sites")
    _, news = make_kit(tmp_path, now=NOW + timedelta(days=800))
    assert "it would end on 03 August 2032" in news[0]
    assert kit.server.certificate.read_bytes() != before
    assert tree(kit.path / "sites") == sites


def test_a_new_ca_is_given_to_every_site(tmp_path):
    kit, _ = make_kit(tmp_path)
    kit.ca.rename(tmp_path / "old")
    _, news = make_kit(tmp_path)
    assert sum("ca.crt is new: site" in line for line in news) == 2
    for site in ("north", "south"):
        assert (kit.site(site) / "ca.crt").read_bytes() == (kit.ca / "ca.crt").read_bytes()
    load_certificates(kit.server.certificate)[0].verify_directly_issued_by(
        load_certificates(kit.ca / "ca.crt")[0]
    )


def test_a_run_that_was_cut_short_is_finished(tmp_path):
    kit, _ = make_kit(tmp_path, dev_keys=True)
    before = set(tree(kit.path))
    for path in (kit.server.certificate, kit.server.path / "federation.yaml", kit.site("south") / "start.sh"):
        path.unlink()
    make_kit(tmp_path, dev_keys=True)
    assert set(tree(kit.path)) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            FEDERATION.replace("tasks: [depth]", "public_keys: none.json"),
            r"sites\.south\.public_keys: there is no .*none\.json: put the file there that site 'south' handed over",
        ),
        (with_keys("north").replace("north.public", "south.public"), "keys of site 'south', not of 'north'"),
        (FEDERATION.replace("host:", "hots:"), "did you mean 'host'"),
        (FEDERATION.replace("fl.example.org", "'x; }'"), "must be a host name or an IP address"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(tmp_path, text, message):
    hand_over(tmp_path, "south")
    with pytest.raises(ConfigError, match=message):
        make_kit(tmp_path, text)
    assert not (tmp_path / "kit").exists()


def test_two_sites_with_the_same_key_are_refused_before_anything_is_written(tmp_path):
    hand_over(tmp_path, "south")
    handed = json.loads((tmp_path / "south.public.json").read_text())
    (tmp_path / "north.public.json").write_text(json.dumps(handed | {"site": "north"}))
    with pytest.raises(ConfigError, match="'north' and 'south' have the same key"):
        make_kit(tmp_path, with_keys("north", "south"))
    assert not (tmp_path / "kit").exists()


def test_another_federations_kit_is_refused(tmp_path):
    kit, _ = make_kit(tmp_path)
    before = tree(kit.path)
    with pytest.raises(ConfigError, match=r"is the kit of federation 'streets', not of 'rooms'.*--out"):
        make_kit(tmp_path, FEDERATION.replace("streets", "rooms"))
    assert tree(kit.path) == before


def test_a_revoked_site_does_not_come_back_in_silence(tmp_path):
    hand_over(tmp_path, "south")
    kit, _ = make_kit(tmp_path, with_keys("south"), dev_keys=True)
    kit.revoke("south")
    assert set(Registered.load(kit.server.sites).sites) == {"north"}
    _, news = make_kit(tmp_path, with_keys("south"), dev_keys=True)
    assert set(Registered.load(kit.server.sites).sites) == {"north"}
    assert any("south stays out" in line for line in news)


def test_a_revoked_trial_site_does_not_come_back_by_dev_keys(tmp_path):
    kit, _ = make_kit(tmp_path, dev_keys=True)
    kit.revoke("south")
    make_kit(tmp_path, dev_keys=True)
    assert set(Registered.load(kit.server.sites).sites) == {"north"}


def test_a_revoked_site_comes_back_with_new_keys(tmp_path):
    hand_over(tmp_path, "south")
    kit, _ = make_kit(tmp_path, with_keys("south"))
    kit.revoke("south")
    for path in (tmp_path / "at-south").iterdir():
        path.unlink()
    keys = hand_over(tmp_path, "south")
    make_kit(tmp_path, with_keys("south"))
    assert Registered.load(kit.server.sites).sites == {"south": keys}


def test_who_is_not_registered_cannot_be_revoked(tmp_path):
    kit, _ = make_kit(tmp_path)
    with pytest.raises(ConfigError, match="'south' is not registered"):
        kit.revoke("south")
    assert not kit.revoked.exists()


@pytest.fixture
def own(tmp_path):
    """A certificate of one's own, valid now, and the federation that names it."""
    now = datetime.now(UTC)
    authority, _ = Authority.open(tmp_path / "own", "own", now)
    authority.server_certificate(tmp_path / "own.crt", tmp_path / "own.key", "fl.example.org", now)
    files = "certificate: own.crt, private_key: own.key, ca: own/ca.crt"
    return FEDERATION.replace("fl.example.org", f"fl.example.org, {files}"), now


def test_a_certificate_of_ones_own_needs_no_ca_of_the_kits(tmp_path, own):
    kit, _ = make_kit(tmp_path, own[0], own[1])
    assert not kit.ca.exists()
    assert kit.server.certificate.read_bytes() == (tmp_path / "own.crt").read_bytes()
    assert kit.server.private_key.read_bytes() == (tmp_path / "own.key").read_bytes()
    assert kit.server.private_key.stat().st_mode & 0o077 == 0
    for path in (kit.server.ca, kit.site("north") / "ca.crt"):
        assert path.read_bytes() == (tmp_path / "own" / "ca.crt").read_bytes()
    assert kit.make(tmp_path / "federation.yaml", own[1])[:1] == [
        "site north is not registered: name its public file in federation.yaml when it comes"
    ]


def test_a_certificate_of_ones_own_for_another_host_is_refused(tmp_path, own):
    with pytest.raises(ConfigError, match="Hostname mismatch"):
        make_kit(tmp_path, own[0].replace("host: fl.", "host: other."), own[1])
    assert not (tmp_path / "kit").exists()


def test_there_and_back_between_ones_own_and_the_kits_certificate(tmp_path, own):
    kit, _ = make_kit(tmp_path, own[0], own[1])
    make_kit(tmp_path, now=own[1])
    load_certificates(kit.server.certificate)[0].verify_directly_issued_by(
        load_certificates(kit.ca / "ca.crt")[0]
    )
    _, news = make_kit(tmp_path, own[0], own[1])
    assert "server.crt is new: restart the server with it" in news[0]
    assert kit.server.certificate.read_bytes() == (tmp_path / "own.crt").read_bytes()


def test_the_federation_is_kept_as_it_was_written(tmp_path):
    text = "# ours\n" + FEDERATION
    kit, _ = make_kit(tmp_path, text)
    assert (kit.server.path / "federation.yaml").read_text() == text
