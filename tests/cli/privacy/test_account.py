import json

import pytest

CENTRAL = ("privacy.client.noise=central", "privacy.client.multiplier=4")


def test_the_price_of_a_scenario_is_said_before_anything_runs(fedmtl, scenario, tmp_path):
    code, out, _ = fedmtl("privacy", "account", scenario, *CENTRAL)
    assert code == 0
    epsilon, rounds, noise = out.splitlines()
    assert epsilon.startswith("ε = ")
    assert epsilon.endswith("at δ = 1e-05, for one client's data there or not, with all of its groups")
    assert rounds == "3 rounds; 100% of 3 clients in each, a fixed number of them"
    assert "noise central: 4 times the bound in each sum; a client is in up to 16 sums a round" in noise
    assert "one with 1" in noise
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]


def test_alternatives_are_a_table_and_the_scenarios_own_is_among_them(fedmtl, scenario):
    draw = ("federation.sampling=poisson", "federation.fraction=0.5")
    code, out, _ = fedmtl("privacy", "account", scenario, *CENTRAL, *draw, "--table", "--json")
    assert code == 0
    price = json.loads(out)
    others = price["alternatives"]
    own = [
        other["epsilon"]
        for other in others
        if (other["rounds"], other["multiplier"], other["rate"]) == (3, 4.0, 0.5)
    ]
    assert own == [pytest.approx(price["epsilon"], rel=1e-3)]
    assert {other["rounds"] for other in others} == {2, 3, 6}
    assert {other["sampling"] for other in others} == {"poisson", "everybody"}
    by_noise = sorted((o["multiplier"], o["epsilon"]) for o in others if (o["rounds"], o["rate"]) == (3, 0.5))
    assert [cost for _, cost in by_noise] == sorted((cost for _, cost in by_noise), reverse=True)


def test_a_fixed_number_is_for_a_client_that_is_exchanged(fedmtl, scenario):
    code, out, _ = fedmtl("privacy", "account", scenario, *CENTRAL, "federation.fraction=0.5")
    assert code == 0
    assert "for one client exchanged for another" in out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "privacy.client.noise is none, which has no finite ε"),
        ([*CENTRAL, "method.name=local"], "shares no group, so nothing is released"),
        ([*CENTRAL, "privacy.client.shares={haed/*: 2}"], "no parameter group matches 'haed/*'"),
        (["privacy.client.noise=central"], "needs privacy.client.multiplier or privacy.client.epsilon"),
        ([*CENTRAL, "privacy.secure_sums=true"], "central is added by a server that sees updates"),
        (["privacy.client.noise=distributed", "privacy.client.epsilon=1"], "set privacy.secure_sums=true"),
        ([*CENTRAL, "privacy.client.delta=0"], "privacy.client.delta must be in (0, 1)"),
    ],
)
def test_what_cannot_be_accounted_is_told(overrides, message, fedmtl, scenario):
    code, out, err = fedmtl("privacy", "account", scenario, *overrides)
    assert (code, out) == (1, "")
    assert message in err


def test_runs_are_plotted_by_what_they_cost(fedmtl, scenario, straight, tmp_path):
    code, out, _ = fedmtl("privacy", "account", scenario, *CENTRAL, "--runs", straight.path)
    assert code == 0
    assert out.splitlines()[-1] == "page: privacy.html"
    page = (tmp_path / "privacy.html").read_text()
    assert str(straight.path) in page
    assert page.count("<svg") == 3
