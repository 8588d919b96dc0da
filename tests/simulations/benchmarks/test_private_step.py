import pytest

from simulations.benchmarks import private_step
from tests.federations import tiny

pytest.importorskip("opacus", reason="needs the extra 'privacy'")


def test_both_train_the_same_number_of_steps(monkeypatch):
    monkeypatch.setattr(private_step, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(private_step, "can_measure", lambda: False)
    monkeypatch.setattr(private_step, "FEW", ("model.backbone.norm=group",))
    monkeypatch.setattr(private_step, "THREADS", 1)  # another test has the other core
    plain, private = private_step.run(repeats=1, seconds=0)
    assert (
        list(plain) == list(private) == ["scenario", "client", "training", "milliseconds", "ratio", "peak_mb"]
    )
    assert (plain["training"], plain["ratio"], private["training"]) == ("plain", 1, "private")
    assert private["ratio"] == pytest.approx(private["milliseconds"] / plain["milliseconds"])
    _, calls = private_step.trainings(tiny("model.backbone.norm=group"))
    assert calls["plain"]().steps == calls["private"]().steps == 2
