from dataclasses import replace

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, build_method
from fedmtl.aggregation.domain_means import of_domain
from tests.aggregation.small import GROUPS, IMAGES, LAYOUTS, TRAINS, assert_close, play, update

BLEND = build_method({"name": "blend"})
DOMAINS = {"a": "street", "b": "street", "c": "room", "d": "room"}


def said(client, number=1):
    return replace(update(client, number), domain=DOMAINS[client])


def holders(group, domain):
    return [client for client in DOMAINS if DOMAINS[client] == domain and group in TRAINS[client]]


def naive_mean(group, domain, before, number=1):
    """What the domain's holders end with, by their weights; `before` where there is none."""
    who = holders(group, domain)
    if not who:
        return None
    weights = np.array([IMAGES[client] for client in who])
    models = np.stack([before + said(client, number).vectors[group] for client in who])
    return (weights[:, None] * models).sum(0) / weights.sum()


def test_every_domain_has_its_own_mean():
    groups, state = play(BLEND, [said(client) for client in DOMAINS])
    expected = {
        f"{domain}/{group}": mean
        for domain in ("street", "room")
        for group in GROUPS
        if (mean := naive_mean(group, domain, GROUPS[group])) is not None
    }
    assert_close(state, expected)
    for group in GROUPS:
        weights = {d: sum(IMAGES[c] for c in holders(group, d)) for d in ("street", "room")}
        total = sum(weight * expected[f"{d}/{group}"] for d, weight in weights.items() if weight)
        np.testing.assert_allclose(groups[group], total / sum(weights.values()), rtol=1e-5, atol=1e-6)


def test_a_client_is_sent_its_domains_value_and_goes_on_from_it():
    groups, state = play(BLEND, [said(client) for client in DOMAINS])
    for client, domain in DOMAINS.items():
        sent = BLEND.outgoing(groups, state, client, "backbone", domain)
        assert sent is state[f"{domain}/backbone"]
    _, later = play(BLEND, [said(client, 2) for client in DOMAINS], groups, state, number=2)
    for domain in ("street", "room"):
        expected = naive_mean("backbone", domain, state[f"{domain}/backbone"], number=2)
        np.testing.assert_allclose(later[f"{domain}/backbone"], expected, rtol=1e-5, atol=1e-6)


def test_where_a_domain_has_no_holder_a_client_is_sent_everybodys_mean():
    groups, state = play(BLEND, [said(client) for client in DOMAINS])
    assert "street/router/depth/semseg" not in state
    assert of_domain(groups, state, "street", "router/depth/semseg") is groups["router/depth/semseg"]
    assert of_domain(groups, state, "sea", "backbone") is groups["backbone"]


def test_a_domain_that_sits_out_keeps_its_mean():
    groups, state = play(BLEND, [said(client) for client in DOMAINS])
    _, later = play(BLEND, [said("a", 2)], groups, state, number=2)
    assert later["room/backbone"] is state["room/backbone"]


def test_an_update_without_weight_changes_nothing():
    weightless = replace(said("a"), weights=dict.fromkeys(said("a").weights, 0.0))
    groups, state = play(BLEND, [weightless])
    assert state == {}
    assert all(groups[group] is GROUPS[group] for group in GROUPS)


@pytest.mark.parametrize("domain", ["any", "street"])
def test_one_domain_is_fedavg(domain):
    updates = [replace(update(client), domain=domain) for client in DOMAINS]
    averaging = build_method({"name": "fedavg"}).start_round(Start(GROUPS, {}, LAYOUTS, Clock(1, 9)))
    for one in updates:
        averaging.add(one)
    assert_close(play(BLEND, updates)[0], averaging.finish()[0])
