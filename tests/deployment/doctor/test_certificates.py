from datetime import UTC, datetime, timedelta

import pytest

from fedmtl.deployment.authority import Authority
from fedmtl.deployment.doctor.certificates import check_ca, check_server_certificate, judge_end
from fedmtl.deployment.doctor.finding import Subject
from tests.deployment.doctor.answering import certified, statuses

NOW = datetime.now(UTC)  # TLS itself looks at the clock


@pytest.fixture
def own(tmp_path):
    return certified(tmp_path, now=NOW)


def test_a_good_one_says_how_long_it_and_its_ca_last(own):
    found = list(check_server_certificate(*own, "localhost", NOW))
    assert statuses(found) == [("tls", "ok"), ("tls", "ok")]
    assert "in 824 days" in found[0].found
    assert "in 3649 days" in found[1].found


def test_one_that_ends_soon_is_a_warning(own):
    found = list(check_server_certificate(*own, "localhost", NOW + timedelta(days=800)))
    assert statuses(found) == [("tls", "warn"), ("tls", "ok")]
    assert "fedmtl deploy init" in found[0].advice


@pytest.mark.parametrize("days", [-10, 900])
def test_one_that_is_not_valid_is_a_failure(tmp_path, days):
    own = certified(tmp_path, now=NOW - timedelta(days=days))
    (found,) = check_server_certificate(*own, "localhost", NOW)
    assert found.status == "fail"
    assert "not now" in found.found


def test_another_host_is_a_failure(own):
    (found,) = check_server_certificate(*own, "fl.example.org", NOW)
    assert found.status == "fail"
    assert "Hostname mismatch" in found.found


def test_another_ca_is_a_failure(own, tmp_path):
    Authority.open(tmp_path / "other", "other", NOW)
    (found,) = check_server_certificate(*own[:2], tmp_path / "other" / "ca.crt", "localhost", NOW)
    assert found.status == "fail"


def test_a_key_that_others_can_read_is_a_failure(own):
    own[1].chmod(0o644)
    (found,) = check_server_certificate(*own, "localhost", NOW)
    assert found.status == "fail"
    assert "chmod 600" in found.found


def test_a_site_needs_a_ca(own):
    (found,) = check_ca(own[2], NOW)
    assert (found.check, found.status) == ("ca", "ok")
    (found,) = check_ca(own[0], NOW)
    assert (found.status, found.found) == ("fail", f"{own[0]} has no certificate of a CA")
    (found,) = check_ca(own[2], NOW + timedelta(days=4000))
    assert (found.status, "ended on" in found.found) == ("fail", True)


@pytest.mark.parametrize(("days", "status"), [(-1, "fail"), (29, "warn"), (31, "ok")])
def test_when_an_end_is_near(days, status):
    assert judge_end(Subject("tls"), "it", NOW + timedelta(days=days), NOW, "renew it").status == status
