import itertools

import numpy as np
import pytest

from fedmtl.tasks.palette import UNLABELLED, bar_chart, class_colours, on_scale


def test_every_class_has_its_own_colour_and_255_is_unlabelled():
    colours = class_colours()
    assert colours.shape == (256, 3)
    assert len({tuple(colour) for colour in colours}) == 256
    assert tuple(colours[255]) == UNLABELLED


def test_the_first_classes_are_far_apart():
    for a, b in itertools.combinations(class_colours()[:16].astype(int), 2):
        assert np.abs(a - b).sum() > 50


def test_a_scale_runs_from_dark_to_bright_and_ends_there():
    colours = on_scale(np.array([[-1.0, 0.0, 1.0, 2.0, 3.0]]), 0, 2)[0].astype(int).sum(axis=1)
    assert colours[0] == colours[1] < colours[2] < colours[3] == colours[4]


def test_a_scale_without_extent_is_one_colour():
    assert len(np.unique(on_scale(np.full((2, 2), 3.0), 3, 3))) <= 3


def painted(chart, bar, count):
    """The share of a bar's middle column that is not background."""
    column = chart[:, int((bar + 0.4) * chart.shape[1] / count)]
    return (column != 255).any(axis=1).mean()


def test_bars_are_as_high_as_their_values():
    chart = bar_chart(np.array([0.25, 0.5, 1.0]), 0, 1)
    assert [painted(chart, bar, 3) for bar in range(3)] == pytest.approx([0.25, 0.5, 1.0], abs=0.02)


def test_bars_below_zero_hang_from_it():
    chart = bar_chart(np.array([-1.0, 1.0]), -1, 1)
    assert (chart[:40, :30] == 255).all()
    assert (chart[56:, 70:] == 255).all()
    assert painted(chart, 0, 2) == pytest.approx(0.5, abs=0.02)


def test_unknown_bars_are_full_and_grey():
    chart = bar_chart(np.array([np.nan, 0.5]), 0, 1)
    assert (chart[:, 10] == UNLABELLED).all()


def test_a_chart_of_many_bars_grows():
    assert bar_chart(np.ones(500), 0, 1).shape[1] >= 1000
