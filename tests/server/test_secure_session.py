"""A secure round's exchanges, when messages never reach a client."""

import pytest

from fedmtl.errors import TooFewClientsError
from tests.federations import Wire, events_of, kind_of, run_on
from tests.secure_federation import SUMS, client_of, create


class Refusing(Wire):
    """A wire that takes no message of this kind to these clients, as SuperLink takes none to an unregistered node."""

    def __init__(self, directory, kind, clients):
        super().__init__(directory)
        self.kind, self.clients = kind, clients

    def push_messages(self, messages):
        messages = list(messages)
        taken = [not (kind_of(one) == self.kind and client_of(one) in self.clients) for one in messages]
        ids = iter(
            super().push_messages([one for one, is_taken in zip(messages, taken, strict=True) if is_taken])
        )
        return [next(ids) if is_taken else "" for is_taken in taken]


@pytest.mark.parametrize("kind", ["query.deal", "train.secure", "query.unmask"])
def test_a_message_that_superlink_does_not_take_costs_its_client_the_round_and_nobody_else(kind, tmp_path):
    directory = create(tmp_path / "run", SUMS, "federation.evaluate_every=2", "federation.round_timeout=5")
    run_on(Refusing(directory, kind, ("e",)), directory)
    failures = events_of(directory, "failure")
    assert failures[0]["error"] == "e was not asked: SuperLink did not take the message to it"
    assert {event["client"] for event in failures} == {"e"}
    assert events_of(directory, "finish")[0]["status"] == "finished"


def test_where_superlink_takes_no_message_at_all_the_round_says_so(tmp_path):
    directory = create(tmp_path / "run", SUMS, "federation.round_timeout=5")
    with pytest.raises(TooFewClientsError, match="a was not asked: SuperLink did not take the message to it"):
        run_on(Refusing(directory, "query.deal", ("a", "b", "c", "d", "e")), directory)
