from threading import Event

from fedmtl.deployment.doctor.finding import Check, Finding, Subject, examine
from fedmtl.errors import ConfigError


def test_a_finding_is_one_line():
    disk = Subject("disk")
    assert str(disk.ok("is free")) == "ok   disk        is free"
    assert str(disk.fail("is full", "free some")) == "fail disk        is full; free some"


def test_findings_come_in_the_order_of_the_checks():
    gate = Event()

    def slow():
        gate.wait(5)
        yield Subject("slow").ok("done")

    def fast():
        yield Subject("fast").ok("done")
        gate.set()  # the slow one waits for the fast one, so they run at once

    assert [each.check for each in examine([Check("slow", slow), Check("fast", fast)])] == ["slow", "fast"]


def test_a_check_that_breaks_is_a_failure_and_what_it_found_before_counts():
    def broken():
        yield Subject("data").ok("half of it")
        raise KeyError("a\nb")

    def wrong():
        raise ConfigError("x.yaml: a\nis wrong")

    found = examine([Check("data", broken), Check("config", wrong)])
    assert found == [
        Finding("data", "ok", "half of it"),
        Finding("data", "fail", "the check broke: KeyError: 'a\\nb'", "report this as a fault of fedmtl"),
        Finding("config", "fail", "x.yaml: a is wrong"),
    ]


def test_a_check_that_hangs_is_given_up():
    forever = Event()

    def hang():
        yield Subject("network").ok("so far")
        forever.wait(60)

    found = examine([Check("network", hang, seconds=0.2)])
    forever.set()
    assert [(each.status, each.found) for each in found] == [
        ("ok", "so far"),
        ("fail", "the check did not end within 0.2 s"),
    ]
