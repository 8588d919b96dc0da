"""What a server that lies is refused: each test is one lie."""

import msgspec
import pytest

from fedmtl.errors import ExchangeError, RefusalError
from fedmtl.privacy.secure_sum import (
    ClientRound,
    Delivery,
    Group,
    Request,
    Setup,
)
from tests.privacy.secure_sum.federation import FIVE, LARGEST, Federation, held_by_first
from tests.privacy.secure_sum.lies import ADA, BEN, CLEO, DAN, EVE, GROUPS, VALUES, masked


@pytest.fixture
def round():
    return masked()


def test_the_truth_is_answered(round):
    revealed = round.unmask(ADA)
    assert set(revealed.seeds) == {ADA, BEN, CLEO, DAN}
    assert set(revealed.keys) == {EVE}


def test_both_secrets_of_a_client(round):
    both = round.lie(ADA, dropped=(BEN, EVE))
    with pytest.raises(RefusalError, match="'ben' is alive and dropped out: it wants both its secrets"):
        round.unmask(ADA, both)


def test_one_story_after_another(round):
    round.unmask(ADA)
    other = round.lie(ADA, alive=(ADA, BEN, CLEO), dropped=(DAN, EVE))
    with pytest.raises(RefusalError, match="another story"):
        round.unmask(ADA, other)
    assert round.unmask(ADA) == round.unmask(ADA)


def test_two_stories_told_to_two_halves_leave_each_short_of_shares(round):
    """Ben is alive to some and dropped out to others, each a story that one can believe."""
    alive = [round.unmask(client) for client in (ADA, BEN, CLEO)]
    dropped = [round.unmask(DAN, round.lie(DAN, alive=(ADA, CLEO, DAN), dropped=(BEN, EVE)))]
    dropped.append(round.unmask(EVE, round.lie(EVE, alive=(ADA, CLEO, DAN), dropped=(BEN, EVE))))
    threshold = round.server.setup.threshold
    assert sum(BEN in revealed.seeds for revealed in alive) == threshold
    assert sum(BEN in revealed.keys for revealed in dropped) < threshold
    assert 2 * threshold > len(FIVE)


def test_that_somebody_dropped_out_who_uploaded(round):
    with pytest.raises(RefusalError, match="this client dropped out, and that is not so"):
        round.unmask(BEN, round.lie(BEN, alive=(ADA, CLEO, DAN), dropped=(BEN, EVE)))


def test_that_somebody_uploaded_who_did_not(round):
    with pytest.raises(RefusalError, match="this client is alive, and that is not so"):
        round.unmask(EVE, round.lie(EVE, alive=FIVE, dropped=()))
    with pytest.raises(RefusalError, match="no proof that 'eve' uploaded"):
        round.unmask(ADA, round.lie(ADA, alive=FIVE, dropped=()))


@pytest.mark.parametrize("proof", [bytes(32), None])
def test_a_proof_that_is_none(round, proof):
    proofs = {peer: found for peer, found in round.requests[ADA].proofs.items() if peer != BEN}
    if proof:
        proofs[BEN] = proof
    with pytest.raises(RefusalError, match="no proof that 'ben' uploaded"):
        round.unmask(ADA, round.lie(ADA, proofs=proofs))


def test_a_proof_that_was_made_for_somebody_else(round):
    proofs = {**round.requests[ADA].proofs, BEN: round.requests[CLEO].proofs[BEN]}
    with pytest.raises(RefusalError, match="no proof that 'ben' uploaded"):
        round.unmask(ADA, round.lie(ADA, proofs=proofs))


def test_a_group_below_the_fewest(round):
    """With two of its three holders alive, nothing of "three" is revealed; with two alive at all, nothing."""
    alive, dropped = (ADA, BEN, DAN), (CLEO, EVE)
    revealed = round.unmask(ADA, round.lie(ADA, alive=alive, dropped=dropped))
    assert {client: len(seeds) for client, seeds in revealed.seeds.items()} == dict.fromkeys(alive, 32)
    assert len(round.unmask(BEN).seeds[ADA]) == 64
    with pytest.raises(RefusalError, match="no group has 3 holders alive"):
        round.unmask(DAN, round.lie(DAN, alive=(BEN, DAN), dropped=(ADA, CLEO, EVE)))


def test_participants_that_are_none(round):
    for said in ({"view": (*FIVE, "zoe")}, {"alive": (ADA, BEN, CLEO, DAN, "zoe")}, {"dropped": ()}):
        with pytest.raises(RefusalError, match="names others than those whose shares"):
            round.unmask(ADA, round.lie(ADA, **said))


def test_a_request_of_another_attempt(round):
    again = masked()
    with pytest.raises(ExchangeError, match="another secure round"):
        round.unmask(ADA, again.requests[ADA])


def test_a_request_before_there_are_shares(round):
    federation = Federation()
    setup = federation.setup(GROUPS)
    federation.begin(setup)
    with pytest.raises(RefusalError, match="whose shares it never delivered"):
        federation.do(ADA, "unmask", round.lie(ADA, digest=setup.digest))


def test_the_masks_are_used_once(round):
    for client in (ADA, BEN):
        with pytest.raises(RefusalError, match="used once"):
            round.federation.mask(client, VALUES)
    round.unmask(EVE)
    with pytest.raises(RefusalError, match="not after it was opened"):
        round.federation.mask(EVE, VALUES)


def test_an_attempt_begun_twice(round):
    """The masks would be others, but shares that were revealed once could be delivered again."""
    with pytest.raises(RefusalError, match="round 1 a second time"):
        round.federation.deal(ADA, round.server.setup)


def test_shares_delivered_twice(round):
    delivery = round.server.deliveries()[ADA]
    with pytest.raises(RefusalError, match="a second time"):
        round.federation.do(ADA, "receive", delivery)


def test_shares_of_an_earlier_attempt_cannot_be_read():
    """Their owner's key of that attempt may be known since."""
    federation = Federation()
    old = federation.begin(federation.setup(GROUPS)).deliveries()
    server = federation.begin(federation.setup(GROUPS))
    stale = msgspec.structs.replace(
        server.deliveries()[ADA], sealed={**server.deliveries()[ADA].sealed, BEN: old[ADA].sealed[BEN]}
    )
    federation.do(ADA, "receive", stale)
    assert federation.states[ADA].unreadable == [BEN]


def test_keys_of_another_deal_told_to_one_client():
    """Clients that were set back to a copy deal again. Ada is given ben's first key, which may be known since."""
    federation = Federation()
    setup = federation.setup(GROUPS)
    first = federation.begin(setup).deliveries()
    for ring in federation.keyrings.values():
        ring.attempts.clear()
    old = dict(federation.states)
    server = federation.begin(setup)
    deliveries = server.deliveries()
    stale = {**deliveries[ADA].sealed, BEN: first[ADA].sealed[BEN]}
    assert old[BEN].key != federation.states[BEN].key
    federation.do(ADA, "receive", msgspec.structs.replace(deliveries[ADA], sealed=stale))
    federation.receive(deliveries, without=[ADA])
    federation.upload(server, VALUES)
    assert not federation.states[ADA].unreadable
    with pytest.raises(RefusalError, match="no proof that 'ada' uploaded in the company"):
        federation.do(CLEO, "unmask", server.requests()[CLEO])


def test_another_company_told_to_one_client():
    """Ada is told that only ben and cleo are there, so that their keys would lay its upload bare. Nobody opens it."""
    federation = Federation()
    server = federation.begin(federation.setup(GROUPS))
    deliveries = server.deliveries()
    told = {peer: sealed for peer, sealed in deliveries[ADA].sealed.items() if peer in (BEN, CLEO)}
    federation.do(ADA, "receive", msgspec.structs.replace(deliveries[ADA], sealed=told))
    federation.receive(deliveries, without=[ADA])
    (upload, _), (dan, _), (eve, _) = (federation.mask(client, VALUES) for client in (ADA, DAN, EVE))
    proofs = {ADA: upload.proofs[BEN], DAN: dan.proofs[BEN], EVE: eve.proofs[BEN]}
    request = Request(server.setup.digest, FIVE, (ADA, DAN, EVE), (BEN, CLEO), proofs, {})
    with pytest.raises(RefusalError, match="no proof that 'ada' uploaded in the company"):
        federation.do(BEN, "unmask", request)


def test_fewer_than_a_client_lets_itself_be_summed_with():
    federation = Federation()
    with pytest.raises(RefusalError, match="sums over 3 clients; 4 are the fewest here"):
        ClientRound.deal(federation.keyrings[ADA], federation.setup(GROUPS), min_holders=4)


@pytest.mark.parametrize(
    ("groups", "options", "said"),
    [
        (GROUPS, {"min_holders": 2}, ">= 3"),
        ({"two": held_by_first(2)}, {}, "'two' has 2 holders, fewer than 3"),
        ({"all": Group((ADA, BEN, "zoe"), 3)}, {}, "are participants"),
        ({"all": Group((ADA, ADA, BEN), 3)}, {}, "each once"),
        ({"all": held_by_first(5)}, {"largest_change": 0.0}, "> 0"),
        ({"all": held_by_first(5)}, {"min_holders": 6}, "for 6 to 255 participants, not 5"),
    ],
)
def test_a_setup_that_nobody_takes_part_in(groups, options, said):
    honest = msgspec.structs.asdict(Federation().setup({"all": held_by_first(5)}))
    with pytest.raises(ExchangeError, match=said):
        Setup.from_json(msgspec.json.encode({**honest, "groups": groups, **LARGEST, **options}).decode())


def test_a_round_of_another_run_or_without_this_client():
    federation = Federation()
    setup = federation.setup(GROUPS)
    for other in (
        msgspec.structs.replace(setup, run="other"),
        msgspec.structs.replace(setup, keys={c: k for c, k in setup.keys.items() if c != EVE}, groups={}),
    ):
        with pytest.raises(RefusalError, match="not one of run 'run' with 'eve'"):
            federation.deal(EVE, other)


def test_a_setup_of_its_own_for_each_client():
    """Clients that were told of different groups, holders or bounds cannot read each other's shares."""
    federation = Federation()
    setup = federation.setup(GROUPS)
    fewer = msgspec.structs.replace(setup, groups={"three": GROUPS["three"]})
    federation.deal(ADA, setup)
    deal = federation.deal(BEN, fewer)
    with pytest.raises(RefusalError, match="only 1 participants have readable shares, 3 are needed"):
        federation.do(ADA, "receive", Delivery(setup.digest, {BEN: deal.sealed[ADA]}))
