"""Secure sums among sites that sign, and know each other's keys apart from the server."""

from dataclasses import replace

import pytest

from clients import app
from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.registered import Registered
from fedmtl.errors import RunError, TooFewClientsError
from fedmtl.reporting.events import MetricsLog
from fedmtl.reporting.history import History
from server.rounds import run_rounds
from server.signatures import Signatures
from simulations.inprocess import run_inprocess
from tests.federations import Wire, events_of, kind_of, payload_of, reply_with
from tests.secure_federation import CLIENTS, SUMS, create, furthest


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: KeyFolder(folder / name, name) for name in CLIENTS}


@pytest.fixture
def sites(keys, tmp_path):
    """The sites.json of the server."""
    Registered({name: folder.make() for name, folder in keys.items()}).save(tmp_path / "sites.json")
    return Signatures(tmp_path / "sites.json")


@pytest.fixture
def signing(keys, monkeypatch):
    """Have every client sign with its key; it gets who is in each one's roster."""

    def sign(known):
        true = app.site_of
        roster = {name: folder.load_roster().public_key() for name, folder in keys.items()}

        def site_of(context):
            site, private = true(context)
            theirs = {name: roster[name] for name in known(site.client)}
            return replace(site, key=keys[site.client].load_roster(), roster=theirs), private

        monkeypatch.setattr(app, "site_of", site_of)

    app.forget_participants()
    yield sign
    app.forget_participants()


def run(directory, signatures, alter=None):
    wire = Wire(directory, alter)
    with MetricsLog(directory.metrics) as log:
        run_rounds(wire, directory, log, "inprocess", signatures)
    return wire


def test_sites_that_know_each_other_confirm_what_they_are_told(sites, signing, tmp_path):
    reference = create(tmp_path / "reference", SUMS)
    run_inprocess(reference)
    signing(lambda client: CLIENTS)
    directory = create(tmp_path / "run", SUMS)
    wire = run(directory, sites)
    assert not events_of(directory, "failure")
    assert furthest(directory, reference) < 1e-6
    kinds = [kind_of(asked) for asked, _ in wire.carried]
    assert kinds.count("query.confirm") == kinds.count("query.unmask") == 2 * len(CLIENTS)
    assert History.of(events_of(directory)).privacy.signed


def test_a_client_that_a_site_does_not_know_is_refused(sites, signing, tmp_path):
    """The server could have invented it, to have all others but one on its side."""
    signing(lambda client: CLIENTS[:4])
    directory = create(tmp_path / "run", SUMS)
    with pytest.raises(TooFewClientsError, match="client 'e', which is not in the roster"):
        run(directory, sites)


def test_a_key_that_a_site_did_not_sign_is_refused_by_the_server(sites, signing, tmp_path):
    signing(lambda client: CLIENTS)
    directory = create(tmp_path / "run", SUMS)

    def unsigned(asked, reply):
        if kind_of(asked) == "query.join" and not reply.has_error():
            payload = payload_of(reply)
            payload["key"]["signature"] = None
            return reply_with(asked, payload, {})
        return reply

    with pytest.raises(RunError, match=r"only 0 of 5 clients joined: a gives an answer that is not signed"):
        run(directory, sites, unsigned)
