from fedmtl.reporting.history import History
from fedmtl.reporting.privacy_plots import Utility, epsilon_curve, utility_of, utility_plot
from tests.reporting import synthetic

EVENT = {"event": "privacy", "delta": 1e-5, "multiplier": 1.0}


def priced(*costs):
    """A history in which these are the costs after each round."""
    history = History.of(synthetic.run())
    for number, cost in enumerate(costs, start=1):
        history.add({**EVENT, "round": number, "epsilon": cost, "releases": number})
    return history


def test_the_cost_by_round(history):
    assert epsilon_curve(history) is None
    plot = epsilon_curve(priced(1.0, 1.5))
    assert plot.title == "ε so far, at δ = 1e-05"
    assert "<svg" in plot.svg


def test_a_resume_forgets_what_later_rounds_cost_until_they_say_it_again():
    history = priced(1.0, 1.5, 2.0)
    history.add({"event": "resume", "round": 1})
    assert list(history.client_costs) == [1]
    history.add({**EVENT, "round": 2, "epsilon": 2.5, "releases": 4})
    assert history.client_costs[2].releases == 4


def test_what_a_run_reached_is_its_last_pooled_metric(history):
    found = utility_of(history)
    assert set(found) == set(synthetic.TASKS)
    for task, (label, value) in found.items():
        metric, curve = history.primary(None, task)
        assert label.startswith(metric)
        assert value == curve.final.value


def test_runs_without_noise_are_level_lines():
    runs = [Utility("fedavg", 8.0, 0.4), Utility("fedavg", 2.0, 0.3), Utility("fedavg", None, 0.5)]
    plot = utility_plot("depth", "rmse m ↓", runs)
    assert ">fedavg<" in plot.svg
    assert ">fedavg, no noise<" in plot.svg
    assert plot.svg == utility_plot("depth", "rmse m ↓", runs[::-1]).svg
    assert "no noise" not in utility_plot("depth", "rmse m ↓", runs[:2]).svg
