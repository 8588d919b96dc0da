import math

import numpy as np
import pytest

from fedmtl.config import Sampling
from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind, PrivacyConfig
from fedmtl.drawing import Draw
from fedmtl.errors import ExchangeError
from fedmtl.privacy.client_level import plan_round
from fedmtl.privacy.client_noise import ClientNoise, largest_values, margin
from fedmtl.privacy.clipping import within_bounds
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.secure_sum import Group, Keyring, Setup, Weighted

NAMES = tuple(f"client-{i}" for i in range(5))
SIZES = {"trunk": 40_000, "head/a": 100}
HOLDERS = {"trunk": NAMES, "head/a": NAMES[:3]}


def config(by=ClipKind.group, multiplier=1.5):
    return ClientPrivacyConfig(noise=NoiseKind.distributed, multiplier=multiplier, clip=0.2, clip_by=by)


def mechanism_of(settings):
    held = {name: [Sum(group) for group in SIZES if name in HOLDERS[group]] for name in NAMES}
    return plan_round(settings, Draw(Sampling.fixed, 5, 1.0), 10, held, {})


def setup_of(settings, room=1.0):
    keys = {name: Keyring.create("run", name).public_key() for name in NAMES}
    groups = {group: Group(HOLDERS[group], size, "mean") for group, size in SIZES.items()}
    groups["loss:a"] = Group(NAMES, 2, "statistics")
    change, weight = largest_values(PrivacyConfig(secure_sums=True, client=settings))
    return Setup.create(
        "run",
        1,
        keys,
        groups,
        min_holders=3,
        largest_change=change,
        largest_weight=weight,
        margin=room * margin(mechanism_of(settings), 3),
    )


@pytest.mark.parametrize("by", ClipKind)
@pytest.mark.parametrize("multiplier", [0.01, 1.5, 50.0])
def test_the_fewest_holders_make_as_much_noise_as_is_accounted_and_a_little_for_rounding(by, multiplier):
    settings = config(by, multiplier)
    mechanism, setup = mechanism_of(settings), setup_of(settings)
    noise = ClientNoise(setup, mechanism.multipliers, settings)
    for group, size in SIZES.items():
        form = setup.fixed_point(group)
        together = math.sqrt(3) * noise._scales[group] / form.scale
        needed = mechanism.multipliers[group] * (0.2 + math.sqrt(size) / 2 / form.scale)
        assert needed <= together <= 1.01 * needed
        drawn = noise(group, size) / form.scale
        assert drawn.std() == pytest.approx(together / math.sqrt(3), rel=6 / math.sqrt(2 * size))
        assert np.abs(drawn).max() < setup.margin


@pytest.mark.parametrize("by", ClipKind)
def test_what_one_client_adds_in_the_ring_is_within_what_the_noise_is_sized_for(by):
    """However its values are chosen and rounded, of all its groups together as is accounted."""
    settings, rng = config(by), np.random.default_rng(0)
    mechanism, setup = mechanism_of(settings), setup_of(settings)
    noise = ClientNoise(setup, mechanism.multipliers, settings)
    worst = 0.0
    for held in (["trunk"], ["head/a"], ["trunk", "head/a"]):
        for values in (rng.standard_normal, np.ones, lambda n: np.eye(1, n)[0]):
            updates = within_bounds(
                {group: (1e6 * values(SIZES[group])).astype(np.float32) for group in held}, settings
            )
            whitened = []
            for group, vector in updates.items():
                slots = setup.fixed_point(group).encode(group, Weighted(1.0, vector))
                length = np.linalg.norm(slots[1:].view(np.int32).astype(np.float64))
                whitened.append(length / (math.sqrt(setup.min_holders) * noise._scales[group]))
            assert math.hypot(*whitened) <= 1 / mechanism.release.multiplier
            worst = max(worst, math.hypot(*whitened) * mechanism.release.multiplier)
    assert worst > 0.99


def test_sums_without_noise_are_refused():
    settings = config()
    noise = ClientNoise(setup_of(settings), {"trunk": 1.0}, settings)
    with pytest.raises(ExchangeError, match="the sum 'head/a' without noise"):
        noise("head/a", 3)


def test_a_setup_without_room_for_noise_is_refused():
    settings = config()
    with pytest.raises(ExchangeError, match="no room for the noise of 'trunk'"):
        ClientNoise(setup_of(settings, room=0.5), mechanism_of(settings).multipliers, settings)


def test_clients_that_add_noise_count_alike_and_change_values_by_no_more_than_they_are_clipped_to():
    assert largest_values(PrivacyConfig(secure_sums=True, client=config())) == (0.2, 1.0)
    assert largest_values(PrivacyConfig(secure_sums=True, largest_change=3.0, largest_weight=7)) == (3.0, 7.0)
