import pytest

from fedmtl.errors import ConfigError
from simulations.benchmarks import secure_sums


def test_rows_say_what_each_side_takes():
    client, server, plain = secure_sums.run(parameters=20_000, clients=4, repeats=1)
    assert [row["side"] for row in (client, server, plain)] == ["client", "server", "plain"]
    for row in (client, server, plain):
        assert (row["clients"], row["dropped"], row["parameters"]) == (4, 1, 20_000)
        assert row["seconds"] > 0
    assert client["bytes_up"] == pytest.approx(4 * 20_000, abs=4000)
    assert client["bytes_a_parameter"] == client["bytes_up"] / 20_000
    assert 0 < server["error"] < 1e-5


def test_there_is_no_scenario_to_change():
    with pytest.raises(ConfigError, match="secure-sums takes no settings"):
        secure_sums.run(["rounds=3"])
