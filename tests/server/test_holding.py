"""What the server believes that a client holds, against a client that does as it is told."""

import numpy as np
import pytest

from server.holding import Holding


class Client:
    """Holds what the last message that reached it said, and nothing else."""

    def __init__(self, held):
        self.held = set(held)

    def get(self, versions, keep):
        self.held = (self.held & set(keep)) | set(versions.values())


def test_of_a_newcomer_only_what_the_server_would_send_counts():
    holding = Holding.of({"backbone": "v1", "head": "v2"}, ["w"], ["v1", "w", "something else"])
    assert holding.retained == holding.durable == {"v1", "w"}
    assert holding.latest == {"backbone": "v1"}


def test_what_a_checkpoint_names_is_kept_until_the_next():
    holding = Holding.of({"backbone": "v0"}, [], ["v0"])
    holding.save()
    for number in (1, 2, 3):
        assert holding.send({"backbone": f"v{number}"}, []) == ("v0",)
        holding.confirm()
    holding.save()
    assert holding.send({"backbone": "v4"}, []) == ("v3",)


def test_groups_of_other_messages_are_kept():
    holding = Holding()
    holding.send({"backbone": "v1", "head": "h1"}, [])
    holding.confirm()
    assert holding.send({"backbone": "v2"}, ["own"]) == ("h1", "own")
    holding.confirm()
    assert holding.retained == {"v2", "h1"}  # nobody knows of "own" yet


@pytest.mark.parametrize("seed", range(20))
def test_a_client_that_loses_what_it_holds_fails_at_most_once(seed):
    """Answers may be lost as well; whatever happens, the server counts on nothing that it could know to be gone."""
    rng = np.random.default_rng(seed)
    client = Client({"backbone0", "head0"})
    holding = Holding.of({"backbone": "backbone0", "head": "head0"}, [], client.held)
    losses = failures = 0
    base = "head0"
    for number in range(1, 100):
        if rng.random() < 0.1:
            client.held.clear()
            losses += 1
        groups = [group for group in ("backbone", "head", "router") if rng.random() < 0.6]
        versions = {group: f"{group}{number // 2}" for group in groups}
        counted_on = {name for name in versions.values() if name in holding.retained}
        counted_on |= {base} & holding.retained if "head" in groups else set()
        keep = holding.send(versions, [base])
        if not counted_on <= client.held:
            failures += 1
            holding.forget()
        elif rng.random() < 0.9:
            client.get(versions, keep)
            assert len(client.held) <= 3 + 3 + 2
            if rng.random() < 0.9:
                holding.confirm()
                base = versions.get("head", base)
            else:
                holding.forget()
        else:
            holding.forget()
        if rng.random() < 0.3:
            holding.save()
    assert 0 < failures <= losses


def test_what_a_client_may_have_lost_is_not_counted_on_because_it_was_to_be_kept():
    holding = Holding.of({"head": "h0"}, ["base"], ["h0", "base"])
    holding.send({"head": "h1"}, ["base"])
    holding.forget()
    assert holding.send({"head": "h1"}, ["base"]) == ("base", "h0")
    holding.confirm()
    assert holding.retained == {"h1"}
