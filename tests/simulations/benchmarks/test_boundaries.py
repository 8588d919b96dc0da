import pytest

from fedmtl.errors import ConfigError
from simulations.benchmarks import boundaries


def test_rows_say_how_long_an_image_takes(monkeypatch):
    monkeypatch.setattr(boundaries, "HEIGHT", 60)
    monkeypatch.setattr(boundaries, "WIDTH", 80)
    rows = boundaries.run(images=2)
    assert [(row["prediction"], row["threads"]) for row in rows] == [
        (prediction, threads) for prediction in ("near the truth", "noise") for threads in (1, 2)
    ]
    for row in rows:
        assert (row["height"], row["width"]) == (60, 80)
        assert row["seconds_of_nyud"] == pytest.approx(654 * row["seconds_per_image"])


def test_there_is_no_scenario_to_change():
    with pytest.raises(ConfigError, match="takes no settings"):
        boundaries.run(["seed=1"])
