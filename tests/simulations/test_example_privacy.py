"""A federation in which one client trains with differential privacy of its images."""

import pytest

from clients.example_privacy import LEDGER
from fedmtl.errors import ConfigError
from fedmtl.loading import load
from fedmtl.privacy import accounting
from fedmtl.privacy.example_ledger import ExampleLedger
from fedmtl.privacy.release import Release
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History, ImageCost
from fedmtl.reporting.report import write_report
from simulations.engines import Engine, run
from tests.federations import create, events_of, tiny

pytest.importorskip("opacus", reason="needs the extra 'privacy'")

STEPS = 2
"""Of client a in a round, each with half of its four images."""
NOISE = 8.0


def cost(rounds):
    return accounting.epsilon({Release.poisson(NOISE, 0.5): rounds * STEPS}, 1e-5)


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """A run of three rounds that is cut short in the second and resumed; client a's budget lasts for three."""
    budget = f"clients.a.privacy.epsilon={cost(3) + 1e-6}"
    noise = f"clients.a.privacy.noise_multiplier={NOISE}"
    directory = create(tmp_path_factory.mktemp("spent") / "run", "model.backbone.norm=group", budget, noise)

    def interrupt(event):
        if (event["event"], event["round"], event.get("client")) == ("train", 2, "b"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(directory, Engine.inprocess, [interrupt])
    run(directory, Engine.inprocess)
    return directory


def test_each_round_says_what_training_has_cost_so_far_and_a_repeated_one_counts_twice(spent):
    told = {
        event["round"]: (event["epsilon"], event["delta"]) for event in events_of(spent, "train", client="a")
    }
    assert told == {1: (pytest.approx(cost(1)), 1e-5), 2: (pytest.approx(cost(3)), 1e-5)}
    assert not any("epsilon" in event for event in events_of(spent, "train", client="b"))
    entries = ExampleLedger(spent.path / "checkpoints" / "clients" / "a" / LEDGER, None).entries()
    assert [(entry.round, entry.multiplier, entry.steps) for entry in entries] == [
        (number, NOISE, STEPS) for number in (1, 2, 2)
    ]


def test_no_loss_is_told_of_its_images_and_all_of_the_others(spent):
    assert not events_of(spent, "metric", metric="loss", client="a")
    assert {event["round"] for event in events_of(spent, "metric", metric="loss", client="b")} == {1, 2, 3}


def test_a_spent_budget_costs_the_client_its_rounds_and_ends_nothing(spent):
    (failure,) = events_of(spent, "failure")
    assert (failure["round"], failure["client"], failure["phase"]) == (3, "a", "train")
    assert "privacy.epsilon: training has cost these images" in failure["error"]
    assert events_of(spent)[-1]["status"] == "finished"
    assert events_of(spent, "metric", round=3, client="a", split="val")
    assert load(spent.path, client="a").client == "a"


def test_the_report_has_the_clients_own_account(spent):
    history = History.of(read_events(spent.metrics))
    assert history.image_costs == {"a": ImageCost(pytest.approx(cost(3)), 1e-5)}
    page = write_report(spent).read_text()
    assert "Privacy of images" in page
    assert f"{cost(3):.3g}" in page


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("clients.a.privacy.epsilon=0", r"clients.a.privacy.epsilon must be above 0"),
        ("clients.a.privacy.clip_norm=1", r"clients.a.privacy.epsilon' is not set"),
    ],
)
def test_a_scenario_is_checked(override, message):
    with pytest.raises(ConfigError, match=message):
        tiny(override)
