"""Nodes follow sites.json: whoever is in it is let in, and nobody else stays."""

import pytest

from fedmtl.deployment.registered import Registered
from server.control import Node, pem_of
from server.nodes import match_nodes
from tests.deployment.kits import make_kit


class SuperLink:
    def __init__(self, *nodes):
        self.known = list(nodes)

    def nodes(self):
        return self.known

    def register(self, name, public_key):
        self.known = [*self.known, Node(len(self.known) + 1, name, public_key, "registered")]

    def unregister(self, node):
        self.known = [
            Node(each.id, each.name, each.public_key, "unregistered") if each == node else each
            for each in self.known
        ]


@pytest.fixture
def sites(tmp_path):
    return make_kit(tmp_path, dev_keys=True)[0].server.sites


def status_of(superlink):
    return {node.name: node.status for node in superlink.known}


def test_registered_sites_are_let_in_once(sites):
    superlink = SuperLink()
    for _ in range(2):
        assert match_nodes(superlink, sites) == {"north": "registered", "south": "registered"}
    assert status_of(superlink) == {"north": "registered", "south": "registered"}


def test_a_revoked_site_is_cut_off(sites):
    superlink = SuperLink()
    match_nodes(superlink, sites)
    Registered.load(sites).revoke("south").save(sites)
    assert match_nodes(superlink, sites) == {"north": "registered"}
    assert status_of(superlink) == {"north": "registered", "south": "unregistered"}


def test_a_node_that_somebody_else_registered_is_cut_off(sites):
    """Whoever is on the server's machine reaches the control API."""
    superlink = SuperLink(Node(7, "", b"a key of nobody's", "online"))
    match_nodes(superlink, sites)
    assert status_of(superlink)[""] == "unregistered"


def test_a_key_that_was_cut_off_does_not_come_back_and_is_told(sites):
    key = pem_of(Registered.load(sites).sites["north"].node_key)
    superlink = SuperLink(Node(1, "north", key, "unregistered"))
    assert match_nodes(superlink, sites)["north"] == "unregistered"
    assert status_of(superlink) == {"north": "unregistered", "south": "registered"}
