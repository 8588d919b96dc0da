import numpy as np
import pytest

from fedmtl.aggregation import Clock, build_method
from fedmtl.errors import ConfigError
from tests.aggregation.small import GROUPS, IMAGES, assert_close, play, random_vector, update

BLEND = build_method({"name": "blend", "share": 0.25})
RECEIVED, KEPT = random_vector("backbone", "received"), random_vector("backbone", "kept")


def begin(method, received=RECEIVED, number=1):
    return method.begin("backbone", received, KEPT, Clock(number, 9))


def test_a_round_begins_part_of_the_way_to_the_mean():
    np.testing.assert_allclose(begin(BLEND), 0.75 * KEPT + 0.25 * RECEIVED, rtol=1e-6)
    np.testing.assert_array_equal(begin(BLEND, None), KEPT)


def test_the_share_falls_to_nothing():
    ways = [(begin(BLEND, number=number) - KEPT) / (RECEIVED - KEPT) for number in range(1, 11)]
    np.testing.assert_allclose([way.mean() for way in ways], 0.25 * np.linspace(1, 0, 10), atol=1e-4)


def test_nobody_is_drawn_to_noise():
    way = BLEND.begin("backbone", RECEIVED, KEPT, Clock(1, 9), 0.4) - KEPT
    np.testing.assert_allclose(way, 0.25 * 0.4 * (RECEIVED - KEPT), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(BLEND.begin("backbone", RECEIVED, KEPT, Clock(1, 9), 0.0), KEPT)


def test_no_share_is_training_alone_and_a_whole_one_is_the_mean():
    np.testing.assert_array_equal(begin(build_method({"name": "blend", "share": 0})), KEPT)
    np.testing.assert_allclose(
        begin(build_method({"name": "blend", "share": 1})), RECEIVED, rtol=1e-6, atol=1e-7
    )


def test_a_client_trains_its_own_copy_of_everything_and_is_measured_with_it():
    (phase,) = BLEND.phases(Clock(1, 9))
    assert phase.personal
    assert all(BLEND.personal(group) and phase.trains_group(group) for group in ("backbone", "head/depth"))


def test_the_server_ends_at_the_weighted_mean_of_the_copies():
    """A copy is what was received plus the update that is sent, wherever the round began."""
    after, state = play(BLEND, [update(client) for client in "abcd"])
    copies = {client: GROUPS["backbone"] + update(client).vectors["backbone"] for client in "abcd"}
    mean = sum(IMAGES[client] * copy for client, copy in copies.items()) / sum(IMAGES.values())
    np.testing.assert_allclose(after["backbone"], mean, rtol=1e-5, atol=1e-6)
    assert_close(state, {f"any/{group}": after[group] for group in GROUPS})
    assert BLEND.streaming


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_one(share):
    with pytest.raises(ConfigError, match="share must be from 0 to 1"):
        build_method({"name": "blend", "share": share})
