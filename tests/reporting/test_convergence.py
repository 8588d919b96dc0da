import pytest

from fedmtl.reporting.convergence import convergence, relative_changes
from fedmtl.reporting.curve import Curve


def curve(*values, better=True, rounds=None):
    return Curve(True, better, dict(zip(rounds or range(1, len(values) + 1), values, strict=True)))


def test_changes_are_the_mean_over_tasks_from_their_last_values():
    curves = {"semseg": curve(20.0, 50.0, 40.0), "depth": curve(0.6, 0.4, 0.5, better=False)}
    assert relative_changes(curves) == pytest.approx({1: (-50 - 20) / 2, 2: (25 + 20) / 2, 3: 0.0})


def test_a_round_that_lacks_a_task_is_left_out_and_a_task_of_zero_says_nothing():
    curves = {"semseg": curve(20.0, None, 40.0), "edge": curve(1.0, 2.0, 0.0)}
    assert relative_changes(curves) == pytest.approx({1: -50.0, 3: 0.0})


def test_a_mean_that_was_best_earlier_has_stopped():
    found = convergence({(0, "a"): {"x": curve(1, 2, 5, 4)}, (0, "b"): {"x": curve(1, 2, 3, 4)}})
    assert (found.best, found.last, found.stopped) == (3, 4, True)
    assert found.mean == pytest.approx({1: -75.0, 2: -50.0, 3: 0.0, 4: 0.0})
    assert found.clients["a"][3] == pytest.approx(25.0)
    assert found.verdict.startswith("has stopped improving on validation: its mean was best in round 3 of 4")


def test_a_gain_beyond_its_standard_error_is_still_an_improvement():
    """Over the last of four rounds, 10 and 20 % of the last values: 15 ± 5."""
    found = convergence({(0, "a"): {"x": curve(1, 2, 9, 10)}, (0, "b"): {"x": curve(1, 2, 8, 10)}})
    assert (found.gain, found.error) == pytest.approx((15.0, 5.0))
    assert not found.stopped
    assert found.verdict == (
        "still improves on validation: the last quarter of its 4 rounds changed it by +15.0 ± 5.0 %; "
        "give it more rounds"
    )


def test_a_gain_within_its_standard_error_is_noise():
    found = convergence({(0, "a"): {"x": curve(1, 2, 9, 10)}, (1, "a"): {"x": curve(1, 2, 10.5, 10)}})
    assert found.best == found.last == 4
    assert found.gain == pytest.approx(2.5)
    assert found.stopped
    assert "changed it by +2.5 ± 7.5 %" in found.verdict
    assert "more rounds" not in found.verdict


@pytest.mark.parametrize("curves", [{}, {(0, "a"): {"x": curve(1.0)}}, {(0, "a"): {"x": curve(0.0, 0.0)}}])
def test_nothing_can_be_told_from_less_than_two_rounds(curves):
    assert convergence(curves) is None
