"""What each attack of one client makes of its update."""

import numpy as np
import pytest

from fedmtl.attacks import ATTACKS, Attack, Occasion, build_attack
from fedmtl.attacks.collusion import Collusion
from fedmtl.errors import ConfigError

UPDATES = {
    "backbone": np.random.default_rng(0).standard_normal(2000).astype(np.float32),
    "head/depth": np.float32([3, -4]),
    "empty": np.zeros(0, np.float32),
}
WHEN = Occasion(0, 1, "rogue-0")


def corrupt(occasion=WHEN, **options):
    return build_attack(options, "clients.rogue.attack").corrupt(UPDATES, occasion)


@pytest.mark.parametrize("name", list(ATTACKS))
def test_every_attack_sends_what_was_agreed_on(name):
    """Names, sizes and dtype are right: what is checked on arrival are the values alone."""
    for vector in UPDATES.values():
        vector.flags.writeable = False
    sent = corrupt(name=name)
    assert {group: (v.shape, v.dtype) for group, v in sent.items()} == {
        group: (v.shape, v.dtype) for group, v in UPDATES.items()
    }


@pytest.mark.parametrize(
    ("options", "factor"), [({"name": "sign-flip"}, -4), ({"name": "sign-flip", "scale": 1}, -1)]
)
def test_the_sign_is_flipped(options, factor):
    np.testing.assert_array_equal(corrupt(**options)["head/depth"], np.float32([3, -4]) * factor)


def test_it_is_scaled():
    np.testing.assert_array_equal(corrupt(name="scaled", factor=10)["head/depth"], [30, -40])


def test_none_of_it_is_a_number():
    assert all(np.isnan(vector).all() for vector in corrupt(name="not-finite").values())


def test_noise_has_the_size_that_is_asked_for_and_nothing_of_the_update():
    sent = corrupt(name="gaussian", scale=5)["backbone"]
    assert np.std(sent) == pytest.approx(5 * np.sqrt(np.mean(UPDATES["backbone"] ** 2)), rel=0.1)
    assert abs(np.corrcoef(sent, UPDATES["backbone"])[0, 1]) < 0.1


def test_noise_is_keyed_by_seed_round_and_client():
    first = corrupt(name="gaussian")["backbone"]
    np.testing.assert_array_equal(corrupt(name="gaussian")["backbone"], first)
    for other in (Occasion(1, 1, "rogue-0"), Occasion(0, 2, "rogue-0"), Occasion(0, 1, "rogue-1")):
        assert (corrupt(other, name="gaussian")["backbone"] != first).any()


@pytest.mark.parametrize("name", [name for name in ATTACKS if issubclass(ATTACKS[name], Collusion)])
def test_a_colluder_sends_what_it_learned_and_the_coalition_replaces_it(name):
    assert all(sent is UPDATES[group] for group, sent in corrupt(name=name).items())


def test_who_has_no_attack_is_honest():
    assert build_attack({}, "clients.a.attack") is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "sign-flop"}, "unknown attack 'sign-flop': did you mean 'sign-flip'"),
        ({"name": "scaled", "times": 2}, "clients.a.attack.times: .* no such option"),
        ({"factor": 2}, "clients.a.attack.name is not set"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        build_attack(options, "clients.a.attack")


class Shy(Attack):
    """Does nothing at all, which is legal."""


def test_an_attack_of_ones_own_is_named_by_its_path():
    assert isinstance(build_attack({"name": f"{__name__}:Shy"}, "clients.a.attack"), Shy)
