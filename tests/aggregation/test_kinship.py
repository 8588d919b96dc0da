import numpy as np
import pytest

from fedmtl.aggregation import Clock, Policy, Start, Update, build_method
from fedmtl.errors import ConfigError
from tests.aggregation.small import GROUPS, IMAGES, LAYOUTS, TRAINS, play_rounds, random_vector, update
from tests.aggregation.test_running_statistics import LAYOUT, statistics

KINSHIP = build_method({"name": "kinship", "share": 0.5, "sharpness": 8.0})
LAYOUTS_SEEN = {**LAYOUTS, "norm_stats": LAYOUT}
INITIAL = {**GROUPS, "norm_stats": np.zeros(LAYOUT.size, np.float32)}
DOMAINS = {"a": 0, "b": 1, "c": 0, "d": 1}


def seen(client, number=1):
    """An update whose statistics are those of the client's domain, a little astray."""
    one = update(client, number, KINSHIP)
    own = statistics(seed=DOMAINS[client]) + 0.02 * np.random.default_rng(ord(client)).standard_normal(
        LAYOUT.size
    )
    vectors = {**one.vectors, "norm_stats": own.astype(np.float32)}
    return Update(client, vectors, dict.fromkeys(vectors, IMAGES[client]))


def play(clients, groups=INITIAL, state=None, number=1, method=KINSHIP):
    ongoing = method.start_round(Start(groups, state or {}, LAYOUTS_SEEN, Clock(number, 9)))
    for client in clients:
        ongoing.add(seen(client, number))
    return ongoing.finish()


def trained(client, group):
    return INITIAL[group] + seen(client).vectors[group]


def test_who_sees_alike_is_drawn_together_whatever_its_tasks():
    groups, state = play("abcd")
    kin = {client: [other for other in DOMAINS if DOMAINS[other] == DOMAINS[client]] for client in DOMAINS}
    for client in DOMAINS:
        weights = [IMAGES[other] for other in kin[client]]
        mean = np.average([trained(other, "backbone") for other in kin[client]], axis=0, weights=weights)
        expected = 5 / 9 * trained(client, "backbone") + 4 / 9 * mean
        sent = KINSHIP.outgoing(groups, state, client, "backbone")
        np.testing.assert_allclose(sent, expected, rtol=1e-3, atol=1e-3)


def test_after_the_last_round_a_client_has_the_model_that_it_trained():
    groups, state = play("abcd", number=9)
    for client in DOMAINS:
        sent = KINSHIP.outgoing(groups, state, client, "backbone")
        np.testing.assert_array_equal(sent, INITIAL["backbone"] + seen(client, 9).vectors["backbone"])


def test_a_group_is_drawn_only_towards_its_holders():
    """b alone holds semseg in its domain, and c, which is of another, hardly counts."""
    groups, state = play("abcd")
    sent = KINSHIP.outgoing(groups, state, "b", "head/semseg")
    np.testing.assert_allclose(sent, trained("b", "head/semseg"), rtol=1e-3, atol=1e-3)


def test_a_group_of_others_is_the_mean_of_its_holders_by_kinship_to_them():
    groups, state = play("abcd")
    holders = [client for client in DOMAINS if "head/semseg" in TRAINS[client]]
    for client in sorted(set(DOMAINS) - set(holders)):
        totals = [state[f"kin:{min(client, other)}/{max(client, other)}"] for other in holders]
        distances = np.array([total / count for total, count in totals])
        kinship = np.exp(-8.0 * (distances - distances.min()) / distances.min())
        models = [state[f"{other}/head/semseg"] for other in holders]
        sent = KINSHIP.outgoing(groups, state, client, "head/semseg")
        np.testing.assert_allclose(sent, np.average(models, axis=0, weights=kinship), rtol=1e-4, atol=1e-5)


def test_who_has_met_no_holder_is_sent_the_group_itself():
    groups, state = play("ab")
    for group in groups:
        np.testing.assert_array_equal(KINSHIP.outgoing(groups, state, "newcomer", group), groups[group])


def test_who_comes_to_label_a_task_later_trains_on_from_what_it_was_sent():
    groups, state = play("abcd")
    (client,) = [client for client in DOMAINS if "head/semseg" not in TRAINS[client]][:1]
    sent = KINSHIP.outgoing(groups, state, client, "head/semseg")
    assert (sent != groups["head/semseg"]).any()
    ongoing = KINSHIP.start_round(Start(groups, state, LAYOUTS_SEEN, Clock(2, 9)))
    ongoing.add(Update(client, {"head/semseg": np.ones_like(sent)}, {"head/semseg": 1.0}))
    after = ongoing.finish()
    np.testing.assert_allclose(
        KINSHIP.outgoing(*after, client, "head/semseg"), sent + 1, rtol=1e-5, atol=1e-6
    )


def test_normalisation_stays_ones_own():
    groups, state = play("abcd")
    assert KINSHIP.policy("norm") is Policy.private
    for client in DOMAINS:
        own = KINSHIP.outgoing(groups, state, client, "norm_stats")
        np.testing.assert_allclose(own, trained(client, "norm_stats"), rtol=1e-6)


def test_distances_are_averaged_over_the_rounds_in_which_two_met():
    groups, state = play("abc")
    _, state = play("abd", groups, state, number=2)
    assert {name for name in state if name.startswith("kin:")} == {
        "kin:a/b", "kin:a/c", "kin:a/d", "kin:b/c", "kin:b/d"
    }  # fmt: skip
    assert [state[f"kin:{pair}"][1] for pair in ("a/b", "a/c", "b/d")] == [2, 1, 1]
    assert state["kin:a/c"][0] / 1 < 0.1 < 1 < state["kin:a/b"][0] / 2


def test_kinship_falls_with_what_a_distance_has_over_the_nearest():
    distances = np.array([[0, 0.5, 1.0], [0.5, 0, 0.5], [1.0, 0.5, 0]])
    far = np.exp(-8.0)
    expected = [[1, 1, far], [1, 1, 1], [far, 1, 1]]
    np.testing.assert_allclose(KINSHIP.kinship(distances), expected)


@pytest.mark.parametrize("distances", [np.zeros((3, 3)), np.zeros((1, 1)), 1 - np.eye(3)])
def test_where_all_are_alike_all_are_kin(distances):
    np.testing.assert_array_equal(KINSHIP.kinship(distances), np.ones_like(distances))


def test_without_sharpness_all_are_kin():
    method = build_method({"name": "kinship", "sharpness": 0})
    np.testing.assert_array_equal(
        method.kinship(np.array([[0, 1, 9.0], [1, 0, 0], [9, 0, 0]])), np.ones((3, 3))
    )


def test_models_without_running_statistics_are_all_kin():
    groups, state = play_rounds(KINSHIP, ["abcd"])
    mean = np.average(
        [GROUPS["backbone"] + random_vector("backbone", c, 1) for c in TRAINS],
        axis=0,
        weights=list(IMAGES.values()),
    )
    for client in TRAINS:
        own = GROUPS["backbone"] + random_vector("backbone", client, 1)
        sent = KINSHIP.outgoing(groups, state, client, "backbone")
        np.testing.assert_allclose(sent, 5 / 9 * own + 4 / 9 * mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"share": 1.5}, "share must be from 0 to 1"), ({"sharpness": -1}, "sharpness must be 0 or more")],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=f"method.{message}"):
        build_method({"name": "kinship", **options})
