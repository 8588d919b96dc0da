import pytest

from fedmtl.errors import ConfigError
from fedmtl.models.attention import deformable_sample
from simulations.benchmarks import training_step
from tests.federations import tiny


def test_both_cores_train_the_same_steps(monkeypatch):
    monkeypatch.setattr(training_step, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(training_step, "can_measure", lambda: False)
    monkeypatch.setattr(training_step, "FEW", ())
    ours, plain = training_step.run(repeats=1, seconds=0)
    assert list(ours) == list(plain)
    assert list(ours) == [
        "scenario", "client", "implementation", "milliseconds", "ratio", "peak_mb", "gmac",
    ]  # fmt: skip
    assert (ours["implementation"], ours["client"], plain["implementation"]) == ("fedmtl", "a", "plain")
    assert ours["ratio"] == 1
    assert plain["ratio"] == pytest.approx(plain["milliseconds"] / ours["milliseconds"])
    # The cores are counted a little apart, all else is equal.
    assert ours["gmac"] == pytest.approx(plain["gmac"], rel=0.05)


def test_the_core_is_the_one_that_is_named(monkeypatch):
    used = []

    def note(value, locations, weights, sources, backend):
        used.append(backend)
        return deformable_sample(value, locations, weights, sources, backend)

    monkeypatch.setattr("fedmtl.models.attention.deformable.deformable_sample", note)
    _, calls = training_step.trainings(tiny())
    for name, backend in training_step.BACKENDS.items():
        used.clear()
        assert calls[name]().steps == len(used)
        assert set(used) == {backend}


def test_a_model_without_deformable_attention_is_refused():
    with pytest.raises(ConfigError, match="only deformable attention has cores to compare"):
        training_step.trainings(tiny("model.attention.kind=full"))
