"""Clients of secure rounds as they are on disk, against a server that repeats a round."""

from contextlib import suppress

import numpy as np
import pytest

from clients.masking import Masking
from fedmtl.errors import RefusalError
from fedmtl.exchange.codec import decode
from fedmtl.privacy.secure_sum import Group, ServerRound, Setup, Weighted

HOLDERS = ("a", "b", "c", "d")
OTHERS = ("p", "q", "r", "s", "t")
"""Enough of them to open a sum in which they have no part."""
SIZE = 5


@pytest.fixture
def clients(tmp_path):
    return {name: Masking(tmp_path / name, "run", name, None, None, 3) for name in (*HOLDERS, *OTHERS)}


def attempt(clients, gone=()):
    """A round up to its opening, in which some clients' parts do not arrive."""
    keys = {name: client.public_key() for name, client in clients.items()}
    bounds = {"min_holders": 3, "largest_change": 8.0, "largest_weight": 4.0}
    server = ServerRound(Setup.create("run", 1, keys, {"head": Group(HOLDERS, SIZE)}, **bounds))
    for name, client in clients.items():
        server.add_deal(name, client.deal(server.setup))
    for name, delivery in server.deliveries().items():
        wanted = clients[name].receive(server.setup.attempt, 1, delivery)
        value = Weighted(1.0, np.full(SIZE, HOLDERS.index(name) if name in HOLDERS else 0, np.float32))
        upload, sent = clients[name].mask(server.setup.attempt, dict.fromkeys(wanted, value))
        if name not in gone:
            vectors = {group: decode(vector, SIZE + 1, np.uint32) for group, vector in sent.items()}
            server.add_upload(name, upload, vectors)
    return server


def opened(clients, server):
    """What a round comes to in which everybody is asked to open it."""
    for name, request in server.requests().items():
        with suppress(RefusalError):
            server.add_revealed(name, clients[name].unmask(server.setup.attempt, request))
    return server.finish()


def test_a_round_that_is_done_again_gives_the_same_sum(clients):
    for _ in range(2):
        outcome = opened(clients, attempt(clients))
        assert outcome.sums["head"].mean == pytest.approx(np.full(SIZE, 1.5), abs=1e-5)


def test_who_has_no_part_in_a_sum_helps_to_open_it_over_the_same_clients_alone(clients):
    """The holders refuse, but are not needed for it: the two sums would tell what d has."""
    assert opened(clients, attempt(clients)).sums
    again = opened(clients, attempt(clients, gone="d"))
    assert not again.sums
    assert "clients helped to open it" in again.unchanged["head"]


def test_newcomers_cannot_open_a_round_again_without_those_who_know_of_it(clients):
    """Five who were not there make a majority: from both sums together they would have what d has."""
    few = {name: clients[name] for name in HOLDERS}
    assert opened(few, attempt(few)).sums
    with pytest.raises(RefusalError, match="round 1 was begun with other clients"):
        attempt(clients, gone="d")


def test_a_round_goes_on_when_clients_have_left_or_a_few_have_come(clients):
    attempt({name: clients[name] for name in "abcdpqr"})  # which was never opened
    for names in ("abcdpq", "abcdpqrs"):
        some = {name: clients[name] for name in names}
        assert opened(some, attempt(some)).sums["head"].mean == pytest.approx(np.full(SIZE, 1.5), abs=1e-5)
