"""Differential privacy of clients in whole, tiny federations."""

import math

import pytest
from scipy.stats import kstest

from fedmtl.aggregation import build_method
from fedmtl.checkpoints import from_tensors, load_checkpoint
from fedmtl.config import Plan
from fedmtl.errors import BudgetSpentError, ConfigError, RunError
from fedmtl.exchange.layout import norm
from fedmtl.privacy import denoising, noisy_sums
from fedmtl.privacy.accounting import epsilon
from fedmtl.privacy.ledger import Ledger
from fedmtl.privacy.release import Release
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from server.blueprint import Blueprint
from server.client_privacy import ClientPrivacy
from server.strategy import GroupStrategy
from simulations.inprocess import run_inprocess
from tests.federations import TINY, Wire, create, events_of, initial_of, kind_of, run_on, vectors_of
from tests.server.hostile import values

SMALL = ("data.sources.rooms.train=2", "data.sources.rooms.val=1", "federation.evaluate_every=0")
CENTRAL = (
    *SMALL,
    "privacy.client.noise=central",
    "privacy.client.multiplier=8.0",
    "privacy.client.clip=0.01",
)
DELTA = 1e-5


def costs(directory):
    return [
        (event["round"], event["releases"], event["epsilon"]) for event in events_of(directory, "privacy")
    ]


def entries(directory):
    return [(entry.round, entry.release) for entry in Ledger(directory.privacy_ledger).entries]


def change_of(directory, group):
    """What a run has added to a group."""
    header, tensors = load_checkpoint(directory.checkpoints)
    scenario = directory.scenario
    blueprint = Blueprint.build(Plan.of(scenario), build_method(scenario.method), header.tasks, {3})
    return from_tensors(tensors, blueprint.layouts)[group] - blueprint.initial[group]


def as_released(patch):
    """Let the method have means with all of their noise."""
    patch.setattr(denoising, "signal_share", lambda mean, deviation: 1.0)


@pytest.fixture(scope="module")
def central(tmp_path_factory):
    """A run of three rounds whose models have all of the noise, and what it carried."""
    directory = create(tmp_path_factory.mktemp("central") / "run", *CENTRAL)
    wire = Wire(directory)
    with pytest.MonkeyPatch.context() as patch:
        as_released(patch)
        run_on(wire, directory)
    return directory, [reply for asked, reply in wire.carried if kind_of(asked) == "train"]


def test_every_round_is_one_release_of_all_groups_of_the_client_that_has_most(central):
    directory, replies = central
    most = max(len(vectors_of(reply)) for reply in replies)
    assert most > 10
    ((kind, multiplier),) = {(release.kind, release.multiplier) for _, release in entries(directory)}
    assert kind == "everybody"
    assert multiplier == pytest.approx(8 / math.sqrt(most))
    expected = [epsilon({Release.everybody(multiplier): count}, DELTA) for count in (1, 2, 3)]
    assert costs(directory) == [(number, number, cost) for number, cost in enumerate(expected, start=1)]


def test_what_leaves_a_client_is_clipped_already(central):
    norms = [norm(values(vector)) for reply in central[1] for vector in vectors_of(reply).values()]
    assert max(norms) <= 0.01
    assert sum(size > 0.0099 for size in norms) > len(norms) / 4


def test_groups_end_as_far_from_their_start_as_noise_takes_them(central):
    """The trunk has three holders: noise of 8 · 0.01 in each sum, over 3, in three rounds."""
    moved = change_of(central[0], "backbone") / (8 * 0.01 / 3 * math.sqrt(3))
    assert moved.std() == pytest.approx(1.0, abs=0.02)
    assert kstest(moved, "norm").statistic < 0.02


def test_without_noise_there_is_no_ledger(straight):
    assert not straight.privacy_ledger.exists()
    assert costs(straight) == []


def interrupted(directory, number):
    """A run that is stopped once the checkpoint of a round is on disk."""

    def interrupt(event):
        if event["event"] == "checkpoint" and event["round"] == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_inprocess(directory, [interrupt])


def test_a_run_that_is_resumed_costs_what_it_costs_in_one_piece(tmp_path, central):
    directory = create(tmp_path / "run", *CENTRAL)
    interrupted(directory, 1)
    run_inprocess(directory)
    assert entries(directory) == entries(central[0])
    assert costs(directory) == costs(central[0])


def test_a_release_is_in_the_ledger_before_it_is_made_and_again_when_its_round_is_done_again(
    tmp_path, central, monkeypatch
):
    directory = create(tmp_path / "run", *CENTRAL)
    interrupted(directory, 1)

    def power_cut(size):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(noisy_sums.NoisySums.__init__, "__defaults__", (power_cut,))
        with pytest.raises(KeyboardInterrupt):
            run_inprocess(directory)
    assert [number for number, _ in entries(directory)] == [1, 2]
    run_inprocess(directory)
    assert [number for number, _ in entries(directory)] == [1, 2, 2, 3]
    assert costs(directory)[-1][1] == 4
    assert costs(directory)[-1][2] > costs(central[0])[-1][2]


def test_a_run_whose_ledger_was_cut_short_does_not_go_on(tmp_path):
    directory = create(tmp_path / "run", *CENTRAL)
    interrupted(directory, 2)
    whole = directory.privacy_ledger.read_bytes()
    directory.privacy_ledger.write_bytes(whole[: whole.index(b"\n") + 1])
    with pytest.raises(RunError, match="where the run has made 2"):
        run_inprocess(directory)


def test_a_run_stops_before_it_costs_more_than_it_may_and_goes_on_with_more(tmp_path, central):
    """The budget is for two rounds of three; the checkpoint that would be due at the end is made."""
    budget = costs(central[0])[1][2] * 1.01
    directory = create(tmp_path / "run", *CENTRAL, f"privacy.client.epsilon={budget}", "checkpoint.every=0")
    with pytest.raises(BudgetSpentError, match="are spent by 2 releases, and another makes it"):
        run_inprocess(directory)
    assert [number for number, _ in entries(directory)] == [1, 2]
    assert directory.checkpoints.rounds() == [2]
    (finish,) = events_of(directory, "finish")
    assert (finish["status"], finish["kind"]) == ("stopped", "BudgetSpentError")

    with pytest.raises(BudgetSpentError):  # nor does it go on as it is
        run_inprocess(directory)
    config = directory.path / "config.yaml"
    config.write_text(config.read_text().replace(str(budget), "1000.0"))
    run_inprocess(RunDirectory.open(directory.path))
    assert [number for number, _ in entries(directory)] == [1, 2, 3]


def test_a_target_gives_the_noise_for_all_rounds(tmp_path):
    settings = ("privacy.client.noise=central", "privacy.client.epsilon=20", "rounds=1")
    directory = create(tmp_path / "run", *SMALL, *settings, "privacy.client.clip=0.001")
    run_inprocess(directory)
    assert 19.5 < costs(directory)[-1][2] <= 20


def test_a_poisson_round_may_be_of_nobody_and_costs_as_much(tmp_path):
    settings = ("federation.sampling=poisson", "federation.fraction=0.0001")
    directory = create(tmp_path / "run", *CENTRAL, *settings, "privacy.client.clip=1e-6")
    run_inprocess(directory)
    assert [event["clients"] for event in events_of(directory, "round")] == [0, 0, 0]
    assert [number for number, _ in entries(directory)] == [1, 2, 3]
    assert entries(directory)[0][1].kind == "poisson"


def test_bounds_adapt_and_are_kept_by_checkpoints(tmp_path):
    directory = create(tmp_path / "run", *CENTRAL, "privacy.client.adaptive_quantile=0.5", "rounds=1")
    run_inprocess(directory)
    header, _ = load_checkpoint(directory.checkpoints)
    assert set(header.bounds) < set(
        initial_of(directory)
    )  # but for groups of two tasks that no client has both of
    steps = [abs(math.log(bound / 0.01)) for bound in header.bounds.values()]
    assert 0 < max(steps) <= 0.1 + 1e-9
    assert header.releases == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["exchange.up.name=int8"], "comes with its next, beyond what that is clipped to"),
        (["method.name=fedamp"], "needs every client's own update"),
        (["privacy.client.shares={haed/*: 2}"], "no parameter group matches 'haed"),
    ],
)
def test_what_noise_cannot_be_combined_with_is_refused(settings, words, tmp_path):
    directory = create(tmp_path / "run", *CENTRAL, *settings)
    with pytest.raises(ConfigError, match=words):
        run_inprocess(directory)


def test_who_is_drawn_cannot_be_told_from_the_seed(tmp_path):
    def drawn(noise):
        plan = Plan()
        plan.privacy.client.noise = noise
        strategy = GroupStrategy.__new__(GroupStrategy)
        strategy.config = parse_scenario(TINY, overrides=["federation.fraction=0.5"]).federation
        strategy.seed = 0
        strategy.roster = type("Roster", (), {"members": {f"c{i:02}": None for i in range(40)}})()
        strategy.privacy = ClientPrivacy(plan, None, None, Ledger(tmp_path / "none"), None)
        return strategy._sample(1)

    kinds = type(Plan().privacy.client.noise)
    assert drawn(kinds.none) == drawn(kinds.none)
    assert drawn(kinds.central) != drawn(kinds.central)
    # Whoever adds noise under secure sums opens no round twice over other clients, so it is drawn twice alike.
    assert drawn(kinds.distributed) == drawn(kinds.distributed)


FOUR = TINY[: TINY.index("clients:")].replace("sites: 3", "sites: 4") + TINY[TINY.index("model:") :]


def four(tmp_path):
    """Four alike clients that add the noise themselves, in one round."""
    clients = (
        "{" + ", ".join(f"c{i}: {{source: rooms, sites: ['{i}'], tasks: [depth]}}" for i in range(4)) + "}"
    )
    settings = ("privacy.client.noise=distributed", "privacy.secure_sums=true", "rounds=1")
    scenario = parse_scenario(FOUR, "four.yaml", [*CENTRAL, *settings, f"clients={clients}"])
    return RunDirectory.create(tmp_path / "run", scenario)


def test_clients_add_the_noise_themselves_and_the_server_never_has_a_sum_without_it(tmp_path, monkeypatch):
    """Four holders of the trunk where three are the fewest: 4/3 of the noise that is accounted, over four."""
    as_released(monkeypatch)
    directory = four(tmp_path)
    run_inprocess(directory)
    assert not events_of(directory, "failure")
    moved = change_of(directory, "backbone") / (8 * 0.01 * math.sqrt(4 / 3) / 4)
    assert moved.std() == pytest.approx(1.0, abs=0.02)
    ((number, release),) = entries(directory)
    assert (number, release.kind) == (1, "everybody")


def one_round(tmp_path):
    """Three clients and the server's noise."""
    return create(tmp_path / "run", *CENTRAL, "rounds=1")


@pytest.mark.parametrize(
    ("create_run", "deviation"), [(one_round, 8 * 0.01 / 3), (four, 8 * 0.01 * math.sqrt(4 / 3) / 4)]
)
def test_what_drowns_in_noise_stays_about_where_it_was(create_run, deviation, tmp_path):
    """The right deviation is known to who adds up: with one that is 3 % too small, a tenth of the noise would pass."""
    directory = create_run(tmp_path)
    run_inprocess(directory)
    assert change_of(directory, "backbone").std() < 0.03 * deviation


def metrics(directory):
    """What the clients' models were worth at the end."""
    return {
        (event["client"], event["task"], event["metric"]): event["value"]
        for event in events_of(directory, "metric")
        if event["round"] == 3
    }


def test_clients_are_drawn_to_no_mean_that_is_noise_alone(tmp_path, monkeypatch):
    """Then `blend` is training alone, bit for bit, also when the run was stopped and goes on from a checkpoint."""
    own = ("model.context=own", "method.name=local")
    alone = create(tmp_path / "alone", *SMALL, *own)
    run_inprocess(alone)

    monkeypatch.setattr(denoising, "signal_share", lambda mean, deviation: 0.0)
    private = create(tmp_path / "private", *CENTRAL, *own[:1], "method.name=blend")
    interrupted(private, 2)
    run_inprocess(private)
    assert metrics(private)
    assert metrics(private) == metrics(alone)
