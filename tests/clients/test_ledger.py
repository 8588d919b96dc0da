"""What a site has done so far, held against its limits."""

import pytest

from clients.ledger import UsageLedger
from fedmtl.deployment.site import Limits
from fedmtl.errors import RefusalError, RunError


def ledger(tmp_path, **limits):
    return UsageLedger(tmp_path / "ledger.json", Limits(**limits))


def test_without_limits_everything_is_only_counted(tmp_path):
    book = ledger(tmp_path)
    for _ in range(3):
        book.begin_round()
    assert book.reserve_seconds(60) == 60
    book.check_answer(10**12)
    book.enter_answer(7, "head")
    account = book.account
    assert (account.rounds, account.seconds, account.sent, account.answers) == (3, 60, 7, 1)


def test_what_was_entered_is_there_in_the_next_process(tmp_path):
    first = ledger(tmp_path)
    first.begin_round()
    first.reserve_seconds(2.5)
    first.enter_answer(7, "head")
    assert ledger(tmp_path).account == first.account


def test_rounds_are_entered_before_they_are_trained_and_end_with_the_limit(tmp_path):
    book = ledger(tmp_path, rounds=2)
    book.begin_round()
    assert ledger(tmp_path).account.rounds == 1
    book.begin_round()
    with pytest.raises(RefusalError, match=r"limits\.rounds: 2 rounds") as error:
        book.begin_round()
    assert error.value.rule == "rounds"
    with pytest.raises(RefusalError):
        ledger(tmp_path, rounds=2).begin_round()


def test_seconds_are_granted_in_steps_until_none_are_left(tmp_path):
    book = ledger(tmp_path, seconds=70)
    assert [book.reserve_seconds(60), book.reserve_seconds(60)] == [60, 10]
    with pytest.raises(RefusalError, match=r"limits\.seconds"):
        book.reserve_seconds(60)
    book.return_seconds(4)
    assert book.reserve_seconds(60) == 4


def test_an_answer_that_is_too_large_is_refused_and_not_counted(tmp_path):
    book = ledger(tmp_path, round_megabytes=1.0, megabytes=1.5)
    book.check_answer(1_000_000)
    with pytest.raises(RefusalError) as error:
        book.check_answer(1_000_001)
    assert error.value.rule == "round-megabytes"
    book.enter_answer(1_000_000, "head")
    book.check_answer(500_000)
    with pytest.raises(RefusalError) as error:
        book.check_answer(500_001)
    assert error.value.rule == "megabytes"


@pytest.mark.parametrize("text", ["", "{", '{"rounds": "many"}', '{"laps": 1}'])
def test_a_damaged_ledger_is_no_fresh_one(text, tmp_path):
    (tmp_path / "ledger.json").write_text(text)
    with pytest.raises(RunError, match="is damaged"):
        ledger(tmp_path)
