"""What a client gets wrong costs that client its round, and nobody else."""

import msgspec
import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum import Delivery, Revealed, ServerRound, Upload, Weighted
from tests.privacy.secure_sum.federation import FIVE, Federation, held_by_first, through_json

ADA, BEN, CLEO, DAN, EVE = FIVE
GROUPS = {"all": held_by_first(5), "four": held_by_first(4)}
VALUES = {
    name: {client: Weighted(1.0, np.full(7, i, np.float32)) for i, client in enumerate(group.holders)}
    for name, group in GROUPS.items()
}
change = msgspec.structs.replace


@pytest.fixture
def federation():
    return Federation()


def mean_without(outcome, *missing):
    """Whether "all" is the mean over the others."""
    there = [i for i, client in enumerate(FIVE) if client not in missing]
    assert outcome.sums["all"].holders == tuple(FIVE[i] for i in there)
    np.testing.assert_allclose(outcome.sums["all"].mean, np.mean(there), atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda deal: change(deal, client=BEN), "answers as 'ben'"),
        (lambda deal: change(deal, digest=bytes(32)), "another secure round"),
        (lambda deal: change(deal, commitments={}), "sends commitments of"),
        (lambda deal: change(deal, sealed={BEN: deal.sealed[BEN]}), "sends sealed shares of"),
        (
            lambda deal: change(deal, sealed={**deal.sealed, BEN: deal.sealed[BEN][:-1]}),
            "seals 155 bytes for 'ben'",
        ),
        (lambda deal: change(deal, public=bytes(32)), "agrees on the same secret with everybody"),
    ],
)
def test_a_bad_deal(federation, wrong, said):
    setup = federation.setup(GROUPS)
    server = federation.begin(setup, without=[ADA])
    deal = federation.deal(ADA, setup)
    with pytest.raises(ExchangeError, match=said):
        server.add_deal(ADA, wrong(deal))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES)
    mean_without(federation.open(server), ADA)


def test_a_deal_that_comes_again_or_late(federation):
    setup = federation.setup(GROUPS)
    server = federation.begin(setup, without=[EVE])
    with pytest.raises(ExchangeError, match="twice or too late"):
        server.add_deal(ADA, server._deals[ADA])
    server.deliveries()
    with pytest.raises(ExchangeError, match="twice or too late"):
        server.add_deal(EVE, federation.deal(EVE, setup))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda upload, vectors: (change(upload, client=BEN), vectors), "answers as 'ben'"),
        (lambda upload, vectors: (change(upload, digest=bytes(32)), vectors), "another secure round"),
        (lambda upload, vectors: (change(upload, proofs={}), vectors), "sends marks of"),
        (lambda upload, vectors: (change(upload, unreadable=("zoe",)), vectors), "nobody sent it"),
        (lambda upload, vectors: (upload, {"all": vectors["all"]}), "sends vectors of"),
        (lambda upload, vectors: (upload, {**vectors, "more": vectors["all"]}), "sends vectors of"),
        (
            lambda upload, vectors: (upload, {**vectors, "all": vectors["all"][:-1]}),
            r"of shape \(7,\), where",
        ),
        (
            lambda upload, vectors: (upload, {**vectors, "all": vectors["all"][None]}),
            r"of shape \(1, 8\), where",
        ),
        (
            lambda upload, vectors: (upload, {**vectors, "all": vectors["all"].view(np.float32)}),
            "as float32 of",
        ),
    ],
)
def test_a_bad_upload_leaves_no_trace(federation, wrong, said):
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    upload, vectors = federation.mask(ADA, VALUES)
    with pytest.raises(ExchangeError, match=said):
        server.add_upload(ADA, *wrong(upload, vectors))
    federation.upload(server, VALUES)
    # Ada believes that it uploaded, so it does not help to open sums without it.
    mean_without(federation.open(server, without=[ADA]), ADA)


def test_an_upload_that_comes_again_or_late(federation):
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES, without=[ADA, EVE])
    upload = federation.mask(ADA, VALUES)
    server.add_upload(ADA, *upload)
    for client, late in ((ADA, upload), (EVE, federation.mask(EVE, VALUES))):
        server.requests()
        with pytest.raises(ExchangeError, match="twice or too late"):
            server.add_upload(client, *late)


def test_an_upload_may_be_read_only(federation):
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    for client in FIVE:
        upload, vectors = federation.mask(client, VALUES)
        frozen = {group: np.frombuffer(vector.tobytes(), vector.dtype) for group, vector in vectors.items()}
        server.add_upload(client, upload, frozen)
    mean_without(federation.open(server))


def test_shares_that_nobody_can_read_cost_their_sender_the_round(federation):
    setup = federation.setup(GROUPS)
    server = federation.begin(setup, without=[BEN])
    deal = federation.deal(BEN, setup)
    server.add_deal(
        BEN, change(deal, sealed={peer: bytes(len(sealed)) for peer, sealed in deal.sealed.items()})
    )
    federation.receive(server.deliveries())
    federation.upload(server, VALUES)
    outcome = federation.open(server)
    mean_without(outcome, BEN)
    assert outcome.faulty == {BEN: "has no part in the sums, as what it sealed could not be read"}


def test_shares_that_one_cannot_read_cost_that_one_the_round(federation):
    """Or who could not be read by one client would be at its mercy."""
    setup = federation.setup(GROUPS)
    server = federation.begin(setup, without=[BEN])
    deal = federation.deal(BEN, setup)
    server.add_deal(BEN, change(deal, sealed={**deal.sealed, DAN: bytes(len(deal.sealed[DAN]))}))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES)
    outcome = federation.open(server, without=[DAN])
    mean_without(outcome, DAN)
    assert outcome.faulty == {DAN: "has no part in the sums, as what ['ben'] sealed could not be read"}


def revealing(federation, wrong, liar=ADA, before=()):
    """A round in which one client reveals something else."""
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES, before)
    for client, request in server.requests().items():
        revealed = through_json(federation.do(client, "unmask", request))
        server.add_revealed(client, wrong(revealed) if client == liar else revealed)
    return server.finish()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda revealed: change(revealed, client=BEN), "answers as 'ben'"),
        (lambda revealed: change(revealed, digest=bytes(32)), "another secure round"),
        (lambda revealed: change(revealed, seeds={}), "sends shares of seeds of"),
        (lambda revealed: change(revealed, keys={}), "sends shares of keys of"),
        (
            lambda revealed: change(revealed, seeds={**revealed.seeds, BEN: b""}),
            "reveals 0 bytes of 'ben' where 64",
        ),
    ],
)
def test_a_bad_answer(federation, wrong, said):
    with pytest.raises(ExchangeError, match=said):
        revealing(federation, wrong, before=[EVE])


def flipped(shares):
    return {peer: bytes(255 - byte for byte in share) for peer, share in shares.items()}


@pytest.mark.parametrize("which", ["seeds", "keys"])
@pytest.mark.parametrize("liar", FIVE)
def test_wrong_shares_are_found_out_and_done_without(federation, liar, which):
    def wrong(revealed: Revealed):
        return change(revealed, **{which: flipped(getattr(revealed, which))})

    outcome = revealing(federation, wrong, liar, before=[CLEO])
    mean_without(outcome, CLEO)
    first = sorted(FIVE)[: federation.setup(GROUPS).threshold]
    assert set(outcome.faulty) == ({liar} if liar in first else set())


def test_wrong_shares_without_a_spare_leave_the_group_as_it_is(federation):
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    federation.upload(server, VALUES)
    for client in (ADA, BEN, CLEO):
        revealed = federation.do(client, "unmask", server.requests()[client])
        if client == BEN:
            revealed = change(revealed, seeds={**revealed.seeds, EVE: bytes(32)})
        server.add_revealed(client, revealed)
    outcome = server.finish()
    assert set(outcome.sums) == {"four"}
    assert outcome.unchanged == {"all": "the shares of 'eve' do not give its secrets"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"all": Weighted(1.0, np.zeros(6, np.float32)), "four": VALUES["four"][ADA]},
            r"shape \(6,\) where \(7,\)",
        ),
        ({"all": np.zeros(7), "four": VALUES["four"][ADA]}, "'all' is summed as mean"),
        ({"all": VALUES["all"][ADA]}, r"masks \['all'\], where the round needs \['all', 'four'\]"),
        ({"all": Weighted(1.0, np.full(7, 9, np.float32)), "four": VALUES["four"][ADA]}, "as large as 9"),
    ],
)
def test_who_has_the_wrong_values_sits_out_and_helps(federation, values, said):
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    with pytest.raises(ExchangeError, match=said):
        federation.do(ADA, "mask", values)
    federation.upload(server, VALUES, without=[ADA])
    mean_without(federation.open(server, without=[DAN, EVE]), ADA)


def test_shares_of_a_stranger(federation):
    setup = federation.setup(GROUPS)
    federation.begin(setup)
    with pytest.raises(ExchangeError, match="'zoe', which takes no part"):
        federation.do(ADA, "receive", Delivery(setup.digest, {"zoe": b""}))


@pytest.mark.parametrize(
    "text", ["{}", "[", '{"client": "ada", "digest": "AA==", "unreadable": [], "proofs": {}}', None]
)
def test_what_is_no_message(text):
    with pytest.raises(ExchangeError, match=r"no valid Upload|no Upload"):
        Upload.from_json(text)


def test_nothing_is_opened_for_nobody(federation):
    server = ServerRound(federation.setup(GROUPS))
    assert server.deliveries() == server.requests() == {}
    outcome = server.finish()
    assert (outcome.sums, outcome.faulty) == ({}, {})
    assert set(outcome.unchanged) == set(GROUPS)


def test_noise_is_added_before_the_masks(federation):
    """To every value, never to the weight."""
    setup = federation.setup(GROUPS, margin=1.0)
    units = int(0.5 * setup.fixed_point("all").scale)
    server = federation.begin(setup)
    federation.receive(server.deliveries())
    federation.upload(server, VALUES, noise=lambda group, size: np.full(size, -units, np.int64))
    result = federation.open(server).sums["all"]
    np.testing.assert_allclose(result.weight, 5, rtol=1e-6)
    np.testing.assert_allclose(result.total, sum(range(5)) - 5 * 0.5 * 100, atol=1e-3)
