"""A client that trains with differential privacy of its images, asked by servers that it need not trust."""

from contextlib import suppress

import pytest

from clients.deployed_site import deployed_site
from clients.example_privacy import LEDGER
from fedmtl.errors import ConfigError, RefusalError, TrainingError
from fedmtl.exchange.messages import ExampleCost
from fedmtl.privacy.example_ledger import Entry, ExampleLedger
from fedmtl.training.private_trainer import PrivateTrainer
from tests.clients.deployed import make_site
from tests.clients.joining import evaluate, join, sent, train

pytest.importorskip("opacus", reason="needs the extra 'privacy'")

GROUP = "model.backbone.norm=group"
PRIVATE = (GROUP, "clients.a.privacy.epsilon=1.0", "clients.a.privacy.noise_multiplier=8.0")


def entries(folder, client="a"):
    return ExampleLedger(folder / client / LEDGER, None).entries()


def test_a_round_is_accounted_and_tells_nothing_of_what_it_saw(tmp_path):
    participant = join(tmp_path, "a", *PRIVATE)
    report, updates = train(participant, sent(participant))
    assert entries(tmp_path) == [Entry("run", 1, 0.5, 8.0, 2)]
    assert isinstance(report.cost, ExampleCost)
    assert (0 < report.cost.epsilon <= 1.0, report.cost.delta) == (True, 1e-5)
    assert (report.images, report.steps, report.labelled) == (4, 2, {"depth": 4, "semseg": 4})
    assert report.loss_sums == report.loss_counts == {}
    assert set(report.weights.values()) == {4.0}
    assert not any("norm_stats" in group for group in participant.model.vectors.layouts)
    assert all((update != 0).any() for group, update in updates.items() if update.size)


def test_others_train_as_they_did(tmp_path):
    participant = join(tmp_path, "b", *PRIVATE)
    report, _ = train(participant, sent(participant))
    assert report.cost is None
    assert report.loss_sums
    assert not (tmp_path / "b" / LEDGER).exists()


def test_neither_another_process_nor_a_repeated_round_forgets_what_was_spent(tmp_path):
    spent = []
    for number, accepted in ((1, 0), (1, 0), (2, 1)):
        participant = join(tmp_path, "a", *PRIVATE)
        spent.append(train(participant, sent(participant), number, accepted)[0].cost.epsilon)
    assert spent[0] < spent[1] < spent[2]
    assert [entry.round for entry in entries(tmp_path)] == [1, 1, 2]


def test_a_round_is_entered_before_its_first_step(tmp_path, monkeypatch):
    def fail(*_):
        raise TrainingError("the machine went down")

    monkeypatch.setattr(PrivateTrainer, "_step", fail)
    participant = join(tmp_path, "a", *PRIVATE)
    with pytest.raises(TrainingError):
        train(participant, sent(participant))
    assert len(entries(tmp_path)) == 1


def test_a_spent_budget_ends_training_but_not_evaluation(tmp_path):
    participant = join(tmp_path, "a", GROUP, "clients.a.privacy.epsilon=0.6", PRIVATE[2])
    groups = sent(participant)
    rounds = 0
    with suppress(RefusalError):
        while True:
            train(participant, groups, rounds + 1, accepted=rounds)
            rounds += 1
    assert rounds == len(entries(tmp_path)) > 1
    with pytest.raises(RefusalError, match=r"privacy\.epsilon: training has cost these images 0\.") as error:
        train(participant, groups, rounds + 1, accepted=rounds)
    assert error.value.rule == "epsilon"
    evaluate(participant, groups, accepted=rounds)


def test_state_from_training_without_privacy_is_not_gone_on_from(tmp_path):
    plain = join(tmp_path, "a", GROUP)
    groups = sent(plain)
    train(plain, groups, 1)
    private = join(tmp_path, "a", *PRIVATE)
    with pytest.raises(RefusalError, match="knows nothing of round 1") as error:
        train(private, groups, 2, accepted=1)
    assert error.value.rule == "unaccounted"
    assert entries(tmp_path) == []


def test_a_delta_that_publishes_an_image_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"privacy.delta: 0.3 lets one of 4 images be published whole"):
        join(tmp_path, "a", *PRIVATE, "clients.a.privacy.delta=0.3")


@pytest.mark.parametrize(
    ("overrides", "entry"),
    [
        (["training.batch_size=1000"], Entry("run", 1, 1.0, 8.0, 1)),
        (["training.epochs=3", "rounds=1000000"], Entry("run", 1, 0.5, 8.0, 6)),
        (["training.clip_norm=0", "training.lr=1e6"], Entry("run", 1, 0.5, 8.0, 2)),
    ],
    ids=str,
)
def test_a_plan_changes_what_a_round_costs_and_neither_noise_nor_budget(overrides, entry, tmp_path):
    participant = join(tmp_path, "a", *PRIVATE, *overrides)
    report, _ = train(participant, sent(participant))
    assert entries(tmp_path) == [entry]
    assert report.cost.epsilon <= 1.0


@pytest.mark.parametrize(
    "overrides", [["training.epochs=500"], ["training.accumulate=1000", "training.epochs=40"]], ids=str
)
def test_a_plan_that_would_spend_more_than_there_is_gets_nothing(overrides, tmp_path):
    participant = join(tmp_path, "a", *PRIVATE, *overrides)
    with pytest.raises(RefusalError) as error:
        train(participant, sent(participant))
    assert error.value.rule == "epsilon"
    assert entries(tmp_path) == []


def test_a_model_with_running_statistics_is_refused(tmp_path):
    with pytest.raises(RefusalError, match=r"model\.backbone\.norm: group") as error:
        join(tmp_path, "a", *PRIVATE[1:])
    assert error.value.rule == "norm"


def test_site_yaml_says_it(tmp_path):
    site = make_site(tmp_path, privacy={"epsilon": 3.0, "clip_norm": 0.5})
    found = deployed_site(site.file)
    assert (found.privacy.epsilon, found.privacy.clip_norm, found.privacy.noise_multiplier) == (
        3.0,
        0.5,
        None,
    )


@pytest.mark.parametrize(
    "privacy", [{"epsilon": 0}, {"epsilon": 1, "delta": 2}, {"clip_norm": 1}, {"epsilom": 1}]
)
def test_a_site_yaml_that_protects_nobody_is_refused(privacy, tmp_path):
    with pytest.raises(ConfigError, match=r"site\.yaml: .*privacy"):
        make_site(tmp_path, privacy=privacy)
