from dataclasses import replace

import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.exchange.checks import check_counts, check_report, check_statistics, check_update
from fedmtl.exchange.codec import encode
from fedmtl.exchange.messages import Description, EvaluateReport
from fedmtl.tasks import TaskSpec
from tests.exchange.reports import LARGEST, LAYOUTS, report, vectors


def test_a_sound_update_is_decoded():
    checked = check_update(report(), vectors(), LAYOUTS, LARGEST)
    assert set(checked) == set(LAYOUTS)
    np.testing.assert_array_equal(checked["backbone"], np.arange(6))
    assert not checked["backbone"].flags.writeable


def test_weights_may_be_anything_from_zero_to_the_most():
    for weights in ({"backbone": 0.0, "head/depth": 0.0}, {"backbone": 7.5, "head/depth": 5.0}):
        check_update(report(weights=weights), vectors(), LAYOUTS, LARGEST)


def without(mapping, name):
    return {key: value for key, value in mapping.items() if key != name}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"backbone": 8.5, "head/depth": 5.0}, "claims weight 8.5 for 'backbone', where 8 is the most"),
        ({"backbone": 8.0, "head/depth": 1e300}, "claims weight 1e\\+300 for 'head/depth'"),
        ({"backbone": 8.0}, "sends no weight of 'head/depth'"),
        ({"backbone": 8.0, "head/depth": 5.0, "norm": 1.0}, "sends the weight of 'norm', which it does not"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ExchangeError, match=message):
        check_update(report(weights=weights), vectors(), LAYOUTS, LARGEST)


SOUND = vectors()


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (without(SOUND, "head/depth"), "sends no update of 'head/depth'"),
        ({**SOUND, "head/semseg": SOUND["head/depth"]}, "sends the update of 'head/semseg', which it does"),
        (
            {**SOUND, "backbone": replace(SOUND["backbone"], dtype="int32")},
            "an update of 'backbone' that has dtype",
        ),
        (
            {**SOUND, "backbone": encode(np.zeros(5, np.float32))},
            r"an update of 'backbone' that has shape \(5,\)",
        ),
        (
            {**SOUND, "backbone": encode(np.full(6, np.nan, np.float32))},
            "'backbone' that has values that are",
        ),
    ],
)
def test_wrong_updates_are_refused(encoded, message):
    with pytest.raises(ExchangeError, match=message):
        check_update(report(), encoded, LAYOUTS, LARGEST)


@pytest.mark.parametrize("made", [report(), EvaluateReport("a", 3, 2, 0.1)])
def test_a_report_must_be_the_clients_own_and_of_the_round(made):
    check_report(made, "a", 3)
    with pytest.raises(ExchangeError, match="answers as 'a'"):
        check_report(made, "b", 3)
    with pytest.raises(ExchangeError, match="answers for round 3 in round 4"):
        check_report(made, "a", 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 9}, "claims to have trained on 9 images, where it has 8"),
        ({"labelled": {"depth": 5, "edge": 1}}, "reports on 'edge', which it does not label"),
        ({"loss_sums": {"edge": 1.0}}, "reports on 'edge'"),
        ({"loss_counts": {"edge": 1}}, "reports on 'edge'"),
    ],
)
def test_a_report_counts_what_the_client_has(changes, message):
    description = Description(
        "a", (TaskSpec("depth", "depth"),), 3, 8, 2, 0, {"depth": 5}, "0.1.0", "any", (), True
    )
    check_counts(report(), description)
    with pytest.raises(ExchangeError, match=message):
        check_counts(report(**changes), description)


STATISTICS = {"depth": encode(np.ones(4)), "semseg": encode(np.ones(9))}
STATISTICS_SIZES = {"semseg": 9, "depth": 4}


def test_sound_statistics_are_decoded():
    checked = check_statistics(STATISTICS, STATISTICS_SIZES)
    assert {task: (vector.dtype, vector.size) for task, vector in checked.items()} == {
        "depth": (np.float64, 4),
        "semseg": (np.float64, 9),
    }


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (
            without(STATISTICS, "depth"),
            r"statistics of \['semseg'\] where it was asked for \['depth', 'semseg'\]",
        ),
        ({**STATISTICS, "edge": STATISTICS["depth"]}, "'edge'"),
        ({**STATISTICS, "depth": encode(np.ones(4, np.float32))}, "statistics of 'depth' that has dtype"),
        ({**STATISTICS, "depth": encode(np.ones(9))}, "statistics of 'depth' that has shape"),
        ({**STATISTICS, "depth": encode(np.full(4, np.inf))}, "statistics of 'depth' that has values"),
    ],
)
def test_wrong_statistics_are_refused(encoded, message):
    with pytest.raises(ExchangeError, match=message):
        check_statistics(encoded, STATISTICS_SIZES)
