"""Colluders know what the honest send, and all send the same."""

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update, build_method
from fedmtl.aggregation.gathered import CHUNK
from fedmtl.attacks.alie import Alie, largest_z
from fedmtl.attacks.collusion import Coalition
from fedmtl.attacks.inner_product import InnerProduct
from fedmtl.config import ClientConfig
from fedmtl.errors import ConfigError
from tests.aggregation.robustness import GROUP, honest, step, updates

IPM = {"name": "inner-product", "epsilon": 0.5}


def clients(attack, count=2):
    return {
        "home": ClientConfig(source="s", copies=3),
        "rogue": ClientConfig(source="s", copies=count, attack=attack),
    }


def play(coalition, given, name="fedavg"):
    """What a round with the coalition adds."""
    size = given[0].vectors[GROUP].size
    start = Start({GROUP: np.zeros(size, np.float32)}, {}, {}, Clock(1, 9))
    ongoing = coalition.joins(build_method({"name": name}).start_round(start))
    for update in given:
        ongoing.add(update)
    return ongoing.finish()[0][GROUP]


def test_a_coalition_is_made_of_those_clients_that_collude():
    coalition = Coalition.of(clients(IPM), secure_sums=False)
    assert coalition.members == dict.fromkeys(("rogue-0", "rogue-1"), InnerProduct(0.5))
    assert not Coalition.of(clients({"name": "scaled"}), secure_sums=True).members


def test_nobody_colludes_who_cannot_see_the_others():
    with pytest.raises(ConfigError, match=r"clients.rogue-0.attack: .* switch them off"):
        Coalition.of(clients(IPM), secure_sums=True)


@pytest.mark.parametrize("size", [1, CHUNK + 7])
def test_all_send_the_mean_of_the_honest_turned_round(size):
    vectors = honest(5, size)
    coalition = Coalition({"client-01": InnerProduct(3.0), "client-04": InnerProduct(3.0)})
    good = np.mean([vectors[0], vectors[2], vectors[3]], axis=0, dtype=np.float64)
    found = play(coalition, updates(vectors))
    np.testing.assert_allclose(found, (3 * good - 2 * 3 * good) / 5, rtol=1e-4, atol=1e-5)


def test_all_stay_within_the_spread_of_the_honest():
    vectors = honest(10)
    coalition = Coalition({"client-08": Alie(1.5), "client-09": Alie(1.5)})
    good = np.array(vectors[:8], np.float64)
    forged = good.mean(axis=0) - 1.5 * good.std(axis=0)
    found = play(coalition, updates(vectors))
    np.testing.assert_allclose(found, (good.sum(axis=0) + 2 * forged) / 10, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("honest_clients", "colluders", "z"), [(38, 12, 0.34), (8, 2, 0.0), (25, 7, 0.3), (3, 9, 0.0)]
)
def test_the_authors_z(honest_clients, colluders, z):
    assert largest_z(honest_clients, colluders) == pytest.approx(z, abs=0.06)


def test_weights_domains_and_order_are_the_clients_own():
    given = [Update(f"c{i}", {GROUP: v}, {GROUP: 1.0 + i}, f"d{i}") for i, v in enumerate(honest(3))]

    class Noting:
        def __init__(self):
            self.seen = []

        def add(self, update):
            self.seen.append(update)

        def finish(self):
            return {}, {}

    noting = Noting()
    ongoing = Coalition({"c1": InnerProduct()}).joins(noting)
    for update in given:
        ongoing.add(update)
    ongoing.finish()
    assert [(u.client, u.weights, u.domain) for u in noting.seen] == [
        (u.client, u.weights, u.domain) for u in given
    ]
    assert noting.seen[0] is given[0]


def test_a_group_without_honest_holders_is_what_colluders_learned():
    given = updates(honest(2))
    coalition = Coalition(dict.fromkeys(("client-00", "client-01"), InnerProduct()))
    np.testing.assert_allclose(
        play(coalition, given), step(build_method({"name": "fedavg"}), given), rtol=1e-6
    )


def test_without_colluders_the_rule_is_the_rule():
    rule = build_method({"name": "fedavg"}).start_round(Start({}, {}, {}, Clock(1, 1)))
    assert Coalition({}).joins(rule) is rule
