import math

import pytest

from fedmtl.tasks import delta_mtl

BETTER = {"semseg": True, "depth": False}


def test_by_hand():
    gain = delta_mtl({"semseg": 55.0, "depth": 0.9}, {"semseg": 50.0, "depth": 1.0}, BETTER)
    assert gain == pytest.approx((10 + 10) / 2)


def test_published_figures():
    """InvPT ViT-B on NYUD-v2, multi-task against single-task."""
    better = {"semseg": True, "depth": False, "normals": False, "edge": True}
    single = {"semseg": 51.15, "depth": 0.5792, "normals": 19.77, "edge": 77.35}
    multi = {"semseg": 49.27, "depth": 0.5823, "normals": 19.92, "edge": 75.88}
    assert delta_mtl(multi, single, better) == pytest.approx(-1.718, abs=0.001)


def test_the_baseline_gains_nothing_over_itself():
    metrics = {"semseg": 55.0, "depth": 0.9}
    assert delta_mtl(metrics, metrics, BETTER) == 0


def test_nothing_is_relative_to_zero_or_to_nothing():
    assert math.isnan(delta_mtl({"semseg": 5.0}, {"semseg": 0.0}, BETTER))
    assert math.isnan(delta_mtl({"semseg": math.nan}, {"semseg": 5.0}, BETTER))


@pytest.mark.parametrize("baseline", [{}, {"depth": 1.0}, {"semseg": 1.0, "depth": 1.0}])
def test_other_tasks_are_refused(baseline):
    with pytest.raises(ValueError, match="cannot be compared"):
        delta_mtl({"semseg": 50.0}, baseline, BETTER)
