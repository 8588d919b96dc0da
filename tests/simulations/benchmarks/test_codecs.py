import pytest

from simulations.benchmarks import codecs
from simulations.benchmarks.codecs import table
from tests.federations import tiny


def row(codec, seed, client, delta, size, split="test"):
    named = {
        "codec": codec,
        "seed": seed,
        "client": client,
        "task": "depth",
        "split": split,
        "metric": "rmse",
    }
    return {**named, "higher_is_better": False, "value": 1.0, "delta": delta, "bytes": size}


def test_the_table_has_means_over_clients_then_spreads_over_seeds():
    rows = [
        *(row("fp32", seed, client, 0.0, 400) for seed in (0, 1) for client in "ab"),
        *(row("int8", 0, "a", delta, 100) for delta in (1.0, 3.0)),
        row("int8", 0, "b", -4.0, 100),
        row("int8", 1, "a", 3.0, 120),
        row("int8", 1, "a", 90.0, 120, split="val"),
    ]
    fp32, int8 = table(rows)
    assert (fp32["% of fp32"], fp32["mean Δ %"]) == (100, 0)
    assert (int8["% of fp32"], int8["mean Δ %"], int8["seeds"]) == (27.5, 1.0, 2)
    assert int8["± over seeds"] == pytest.approx(2**0.5 * 2)


def test_a_federation_with_each_codec(monkeypatch):
    monkeypatch.setattr(codecs, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(codecs, "SETTINGS", ("rounds=2",))
    monkeypatch.setattr(codecs, "SEEDS", 1)
    rows = codecs.run(jobs=1)
    assert {row["codec"] for row in rows} == set(codecs.CODECS)
    assert all(row["delta"] in (0, None) for row in rows if row["codec"] == "fp32")
    shares = {row["codec"]: row["% of fp32"] for row in table(rows)}
    assert shares["int8"] < shares["bf16"] < shares["fp32"] == 100
