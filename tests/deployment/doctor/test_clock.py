import time

import pytest

from fedmtl.deployment.doctor.clock import check_time_service, clock_offset, judge_offset


def test_the_offset_is_against_the_middle_of_question_and_answer():
    date = "Thu, 01 Jan 1970 00:01:40 GMT"  # 100 s
    assert clock_offset(date, 109.0, 111.0) == 9.0  # a date lags by a second, so the server has 101


@pytest.mark.parametrize(
    ("offset", "status", "says"),
    [
        (0.0, "ok", "agrees"),
        (-2.0, "ok", "agrees"),
        (3.0, "warn", "3 s fast"),
        (-200.0, "warn", "200 s slow"),
        (4.5, "fail", "5 s fast is refused"),
        (3600.0, "fail", "5 s fast is refused"),
        (-301.0, "fail", "305 s slow is refused"),
    ],
)
def test_what_an_offset_means(offset, status, says):
    found = judge_offset(offset)
    assert (found.status, says in found.found) == (status, True)
    assert (status == "ok") == (not found.advice)


def test_the_kernel_is_only_asked_and_the_clock_goes_on():
    before = time.time()
    (found,) = check_time_service()
    assert found.status in ("ok", "warn")
    assert abs(time.time() - before) < 5


@pytest.mark.parametrize(("synchronised", "status"), [(True, "ok"), (False, "warn"), (None, "warn")])
def test_what_the_kernel_says(monkeypatch, synchronised, status):
    monkeypatch.setattr("fedmtl.deployment.doctor.clock._is_synchronised", lambda: synchronised)
    (found,) = check_time_service()
    assert found.status == status
    assert ("the host may" in found.found) == (status == "warn")
