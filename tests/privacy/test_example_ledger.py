import os

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant

from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.errors import RefusalError, RunError
from fedmtl.privacy.example_ledger import Entry, ExampleLedger
from fedmtl.privacy.example_level import StepSampling

SAMPLING = StepSampling(8, 0.125, 16)
DELTA = 1e-5


def ledger(folder, epsilon=1.0, noise_multiplier=None):
    settings = ExamplePrivacyConfig(epsilon=epsilon, delta=DELTA, noise_multiplier=noise_multiplier)
    return ExampleLedger(folder / "privacy.jsonl", settings)


def by_dp_accounting(*steps):
    accountant = PLDAccountant()
    for rate, multiplier, count in steps:
        gaussian = dp_accounting.GaussianDpEvent(multiplier)
        accountant.compose(dp_accounting.PoissonSampledDpEvent(rate, gaussian), count)
    return accountant.get_epsilon(DELTA)


def test_rounds_cost_what_dp_accounting_says_of_all_their_steps(tmp_path):
    book = ledger(tmp_path, noise_multiplier=4.0)
    first, second = (book.begin("run", number, 10, SAMPLING) for number in (1, 2))
    other = book.begin("other", 1, 10, StepSampling(16, 0.25, 4))
    assert first.epsilon == pytest.approx(by_dp_accounting((0.125, 4.0, 16)), rel=1e-9)
    assert second.epsilon == pytest.approx(by_dp_accounting((0.125, 4.0, 32)), rel=1e-9)
    assert other.epsilon == pytest.approx(by_dp_accounting((0.125, 4.0, 32), (0.25, 4.0, 4)), rel=1e-9)
    assert (first.mechanism.multiplier, first.delta) == (4.0, DELTA)


def test_a_round_that_would_go_beyond_the_budget_is_refused_and_not_entered(tmp_path):
    book = ledger(tmp_path, by_dp_accounting((0.125, 4.0, 32)) + 0.01, 4.0)
    for number in (1, 2):
        assert book.begin("run", number, 10, SAMPLING).epsilon <= 1.0
    before = book.entries()
    with pytest.raises(RefusalError, match=r"privacy.epsilon: training has cost .* one round more") as error:
        book.begin("run", 3, 10, SAMPLING)
    assert error.value.rule == "epsilon"
    assert book.entries() == before
    # Neither a new run nor a new object begins anew.
    with pytest.raises(RefusalError):
        ledger(tmp_path, 0.5, 4.0).begin("new", 1, 1, SAMPLING)


def test_noise_that_is_not_set_lasts_exactly_to_the_last_round(tmp_path):
    book = ledger(tmp_path)
    grants = [ledger(tmp_path).begin("run", number, 3, SAMPLING) for number in (1, 2, 3)]
    assert len({grant.mechanism.multiplier for grant in grants}) == 1
    assert 0.98 < grants[-1].epsilon <= 1.0
    with pytest.raises(RefusalError):
        book.begin("run", 3, 3, SAMPLING)


def test_a_later_run_has_what_is_left(tmp_path):
    first = ledger(tmp_path).begin("cut short", 1, 4, SAMPLING)
    second = [ledger(tmp_path).begin("next", number, 2, SAMPLING) for number in (1, 2)]
    assert first.epsilon < second[0].epsilon
    assert 0.98 < second[-1].epsilon <= 1.0


def test_a_budget_that_no_noise_can_keep_is_refused(tmp_path):
    spent = by_dp_accounting((0.125, 4.0, 16))
    ledger(tmp_path, noise_multiplier=4.0).begin("run", 1, 1, SAMPLING)
    with pytest.raises(RefusalError, match="no noise"):
        ledger(tmp_path, epsilon=spent * 0.9).begin("next", 1, 1, SAMPLING)


def test_an_entry_is_on_the_disk_before_the_round_is_granted(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    book = ledger(tmp_path, noise_multiplier=4.0)
    book.begin("run", 1, 10, SAMPLING)
    assert synced == [str(tmp_path / "privacy.jsonl"), str(tmp_path)]
    assert book.entries() == [Entry("run", 1, 0.125, 4.0, 16)]
    assert (tmp_path / "privacy.jsonl").stat().st_mode & 0o777 == 0o600
    assert book.has("run", 1)
    assert not book.has("run", 2)


def test_what_a_crash_left_of_a_line_allowed_nothing(tmp_path):
    book = ledger(tmp_path, noise_multiplier=4.0)
    book.begin("run", 1, 10, SAMPLING)
    with (tmp_path / "privacy.jsonl").open("a") as file:
        file.write('{"run": "run", "rou')
    assert len(book.entries()) == 1
    book.begin("run", 2, 10, SAMPLING)
    assert [entry.round for entry in book.entries()] == [1, 2]


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"run": "r", "round": 1, "rate": 0.1, "multiplier": 1}'])
def test_a_damaged_ledger_is_no_fresh_one(line, tmp_path):
    (tmp_path / "privacy.jsonl").write_text(line + "\n")
    with pytest.raises(RunError, match="is damaged"):
        ledger(tmp_path).begin("run", 1, 10, SAMPLING)


def test_without_a_ledger_nothing_is_trained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError):
        ledger(tmp_path / "file", noise_multiplier=4.0).begin("run", 1, 10, SAMPLING)
