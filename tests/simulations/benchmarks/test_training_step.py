import pytest

from fedmtl.errors import ConfigError
from fedmtl.models.attention import deformable_sample
from fedmtl.models.depthwise import layers
from fedmtl.models.depthwise.operator import convolve
from simulations.benchmarks import training_step
from tests.federations import tiny


def test_every_implementation_trains_the_same_steps(monkeypatch):
    monkeypatch.setattr(training_step, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(training_step, "can_measure", lambda: False)
    monkeypatch.setattr(training_step, "FEW", ())
    monkeypatch.setattr(training_step, "THREADS", 1)  # another test has the other core
    ours, *others = training_step.run(repeats=1, seconds=0)
    assert list(ours) == [
        "scenario", "client", "implementation", "milliseconds", "ratio", "peak_mb", "gmac",
    ]  # fmt: skip
    assert (ours["implementation"], ours["client"], ours["ratio"]) == ("fedmtl", "a", 1)
    assert [row["implementation"] for row in others] == ["plain", "torch-depthwise"]
    for row in others:
        assert list(row) == list(ours)
        assert row["ratio"] == pytest.approx(row["milliseconds"] / ours["milliseconds"])
    plain, torchs = others
    # The cores are counted a little apart, all else is equal.
    assert ours["gmac"] == pytest.approx(plain["gmac"], rel=0.05)
    assert ours["gmac"] == torchs["gmac"]


def test_the_kernels_are_those_that_are_named(monkeypatch):
    used, convolved = [], []

    def note(value, locations, weights, sources, backend):
        used.append(backend)
        return deformable_sample(value, locations, weights, sources, backend)

    monkeypatch.setattr("fedmtl.models.attention.deformable.deformable_sample", note)
    monkeypatch.setattr(layers, "convolve", lambda *x: convolved.append(x) or convolve(*x))
    _, calls = training_step.trainings(tiny())
    for name, kernels in training_step.IMPLEMENTATIONS.items():
        used.clear()
        convolved.clear()
        assert calls[name]().steps == len(used)
        assert set(used) == {kernels.sampling}
        assert bool(convolved) == kernels.own_depthwise


def test_a_model_without_deformable_attention_is_refused():
    with pytest.raises(ConfigError, match="only deformable attention has cores to compare"):
        training_step.trainings(tiny("model.attention.kind=full"))
