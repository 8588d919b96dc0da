"""With a roster, a fourth exchange: nothing is revealed for a story that more than half were not told."""

import msgspec
import pytest

from fedmtl.errors import RefusalError
from tests.privacy.secure_sum.federation import Federation, through_json
from tests.privacy.secure_sum.lies import ADA, BEN, CLEO, DAN, EVE, GROUPS, masked


def confirmed():
    round = masked(signed=True)
    for client, request in round.requests.items():
        round.server.add_confirmation(client, through_json(round.federation.do(client, "confirm", request)))
    return round, round.server.confirmed_requests()


def test_all_were_told_the_same():
    round, requests = confirmed()
    assert round.unmask(ADA, requests[ADA]).seeds


def test_the_server_cannot_leave_it_out():
    federation = Federation(signed=True)
    with pytest.raises(RefusalError, match="clients confirm to each other"):
        federation.deal(ADA, federation.setup(GROUPS, confirm=False))
    round = masked(signed=True)
    with pytest.raises(RefusalError, match="that nobody confirmed"):
        round.unmask(ADA)


def test_a_story_that_only_some_were_told():
    """Dan is alive to ada and ben, and dropped out to the others."""
    round = masked(signed=True)
    other = {"alive": (ADA, BEN, CLEO), "dropped": (DAN, EVE)}
    words = {
        client: round.federation.do(client, "confirm", round.lie(client, **said))
        for client, said in ((ADA, {}), (BEN, {}), (CLEO, other), (EVE, other))
    }
    for client, said in ((ADA, {}), (CLEO, other)):
        marks = {peer: word.marks[client] for peer, word in words.items() if peer != client}
        with pytest.raises(RefusalError, match="only 2 of the needed 3 clients were told the same"):
            round.unmask(client, round.lie(client, confirmations=marks, **said))


def test_a_story_other_than_the_confirmed_one():
    round, requests = confirmed()
    other = msgspec.structs.replace(requests[ADA], alive=(ADA, BEN, CLEO), dropped=(DAN, EVE))
    with pytest.raises(RefusalError, match="another story"):
        round.unmask(ADA, other)


def test_marks_that_are_none():
    round, requests = confirmed()
    nothing = dict.fromkeys(requests[ADA].confirmations, bytes(32))
    with pytest.raises(RefusalError, match="only 1 of the needed 3"):
        round.unmask(ADA, msgspec.structs.replace(requests[ADA], confirmations=nothing))
    proofs = msgspec.structs.replace(requests[ADA], confirmations=requests[ADA].proofs)
    with pytest.raises(RefusalError, match="only 1 of the needed 3"):
        round.unmask(ADA, proofs)
