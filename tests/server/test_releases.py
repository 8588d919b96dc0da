"""What clients are sent is a function of the groups alone, follows them closely, and survives a checkpoint."""

import numpy as np
import pytest

from fedmtl.checkpoints import ServerState, load_checkpoint, restore_state, save_checkpoint
from fedmtl.exchange.codecs import build_codec
from fedmtl.exchange.versions import add_difference, digest
from fedmtl.snapshots import Snapshots
from server.releases import Releases
from tests.exchange.codecs.cases import LAYOUT, update

LAYOUTS = {"backbone": LAYOUT, "norm_stats": LAYOUT}
INT8 = build_codec({"name": "int8"}, "exchange.down")
FP32 = build_codec({"name": "fp32"}, "exchange.down")


def state(seed=0):
    return ServerState(groups={group: update(seed, 1.0) for group in LAYOUTS})


def move(server, seed):
    server.groups = {group: vector + update(seed) for group, vector in server.groups.items()}


def test_at_first_it_is_the_group_bit_for_bit():
    server = state()
    releases = Releases(INT8, server)
    releases.publish(LAYOUTS)
    release = releases.shared("backbone")
    assert release.vector is server.groups["backbone"]
    assert (release.digest, release.base) == (digest(update(0, 1.0)), None)


def test_a_step_leads_from_one_release_to_the_next():
    server = state()
    releases = Releases(INT8, server)
    releases.publish(LAYOUTS)
    for seed in (1, 2, 3):
        before = releases.shared("backbone")
        move(server, seed)
        releases.publish(LAYOUTS)
        after = releases.shared("backbone")
        assert after.base == before.digest
        reached = add_difference(after.difference, before.vector, INT8, LAYOUT)
        assert reached.tobytes() == after.vector.tobytes()
        assert np.abs(after.vector - server.groups["backbone"]).max() < 2e-5


def test_what_has_not_changed_stays_released():
    server = state()
    releases = Releases(INT8, server)
    releases.publish(LAYOUTS)
    move(server, 1)
    releases.publish(LAYOUTS)
    once = releases.shared("backbone")
    server.groups = dict(server.groups)
    releases.publish(LAYOUTS)
    assert releases.shared("backbone") is once


@pytest.mark.parametrize(("codec", "group"), [(FP32, "backbone"), (INT8, "norm_stats")])
def test_what_is_exact_is_released_as_it_is(codec, group):
    server = state()
    releases = Releases(codec, server)
    releases.publish(LAYOUTS)
    move(server, 1)
    releases.publish(LAYOUTS)
    release = releases.shared(group)
    assert release.vector is server.groups[group]
    assert (release.base, release.difference) == (None, None)


def test_a_step_too_far_for_float32_is_taken_at_once():
    server = ServerState(groups={"backbone": np.full(LAYOUT.size, -3e38, np.float32)})
    releases = Releases(INT8, server)
    releases.publish(LAYOUTS)
    server.groups = {"backbone": np.full(LAYOUT.size, 3e38, np.float32)}
    releases.publish(LAYOUTS)
    assert releases.shared("backbone").vector is server.groups["backbone"]


def test_a_difference_longer_than_the_values_is_not_a_way():
    topk = build_codec({"name": "topk", "fraction": 1.0}, "exchange.down")
    server = state()
    releases = Releases(topk, server)
    releases.publish(LAYOUTS)
    move(server, 1)
    releases.publish(LAYOUTS)
    assert releases.shared("backbone").difference is None


def own(releases, seed):
    return releases.own("a", "backbone", update(seed, 1.0), LAYOUT)


def test_a_clients_own_values_are_a_step_from_what_it_last_trained():
    releases = Releases(INT8, state())
    releases.publish(LAYOUTS)
    first = own(releases, 1)
    assert first.base == releases.shared("backbone").digest
    assert own(releases, 1).digest == first.digest
    releases.accept("a", {"backbone": first.vector})
    assert releases.bases("a") == (first.digest,)
    assert releases.bases("b") == ()
    second = own(releases, 2)
    assert second.base == first.digest
    assert own(releases, 2).digest == second.digest


def test_of_values_of_ones_own_nothing_is_kept_where_nothing_is_lost():
    server = state()
    releases = Releases(FP32, server)
    releases.publish(LAYOUTS)
    first = own(releases, 1)
    releases.accept("a", {"backbone": first.vector})
    assert not server.trained
    np.testing.assert_array_equal(first.vector, update(1, 1.0))


@pytest.mark.parametrize("codec", [FP32, INT8])
def test_a_resumed_server_goes_on_with_the_same_bits(codec, tmp_path):
    straight = state()
    releases = Releases(codec, straight)
    releases.publish(LAYOUTS)
    move(straight, 1)
    releases.publish(LAYOUTS)
    releases.accept("a", {"backbone": own(releases, 3).vector})
    straight.round = 1
    save_checkpoint(Snapshots(tmp_path), straight, LAYOUTS, (), 1)
    resumed = restore_state(*load_checkpoint(Snapshots(tmp_path)), LAYOUTS)
    others = Releases(codec, resumed)
    others.publish(LAYOUTS)
    for server, each in ((straight, releases), (resumed, others)):
        move(server, 2)
        each.publish(LAYOUTS)
    assert others.shared("backbone").vector.tobytes() == releases.shared("backbone").vector.tobytes()
    assert own(others, 4).vector.tobytes() == own(releases, 4).vector.tobytes()


def test_a_checkpoint_has_releases_only_where_they_are_not_the_groups(tmp_path):
    for codec, expected in ((FP32, set()), (INT8, {"released:backbone"})):
        server = state()
        releases = Releases(codec, server)
        releases.publish(LAYOUTS)
        move(server, 1)
        releases.publish(LAYOUTS)
        save_checkpoint(Snapshots(tmp_path), server, LAYOUTS, (), 1)
        names = set(load_checkpoint(Snapshots(tmp_path))[1])
        assert {name for name in names if name.split(":")[0] not in LAYOUTS} == expected
