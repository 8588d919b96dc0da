"""Whether a clock is right: against a server's, by the date of its answers, or by what the kernel knows of it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from fedmtl.deployment.doctor.finding import Finding, Subject

WARN_SECONDS = 2.0
FAST_SECONDS = 4.0
"""Flower refuses a node whose clock is 5 s fast; a date says no more than to a second or so."""
SLOW_SECONDS = 300.0
"""It refuses one that is 305 s slow as well."""
DATE_LAG = 1.0
"""A date has whole seconds, and web servers make it anew once a second: on average it lags so much, give or take it."""
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_CLOCK = Subject("clock")
_SET_IT = "have a time service (NTP: chrony or systemd-timesyncd) set the clock"


def clock_offset(date: str, sent: float, received: float) -> float:
    """How many seconds this clock is ahead of that of a server; negative: behind.

    Args:
        date: the Date header of its answer.
        sent: this clock's time, in seconds since 1970, when the question was sent.
        received: when the answer was there.

    Raises:
        ValueError: the date is none.
    """
    return (sent + received) / 2 - (parsedate_to_datetime(date).timestamp() + DATE_LAG)


def judge_offset(offset: float) -> Finding:
    """The finding about a site's clock that is `offset` seconds ahead of its server's."""
    if abs(offset) <= WARN_SECONDS:
        return _CLOCK.ok(f"agrees with the server's to within {WARN_SECONDS:g} s")
    found = f"about {abs(offset):.0f} s {'fast' if offset > 0 else 'slow'} against the server's"
    if offset > FAST_SECONDS:
        return _CLOCK.fail(f"{found}, and 5 s fast is refused", f"{_SET_IT}, here or at the server")
    if offset < -SLOW_SECONDS:
        return _CLOCK.fail(f"{found}, and 305 s slow is refused", f"{_SET_IT}, here or at the server")
    return _CLOCK.warn(found, f"{_SET_IT}, here or at the server")


def check_time_service() -> Iterator[Finding]:
    """Whether something keeps this machine's clock right."""
    kept = _is_synchronised()
    if kept:
        yield _CLOCK.ok("is kept right by a time service")
    else:
        found = "it cannot be told whether" if kept is None else "the kernel does not say that"
        yield _CLOCK.warn(
            f"{found} a time service keeps it right (in a container or virtual machine, the host may)",
            f"{_SET_IT}: sites 5 s ahead of it are refused",
        )


def _is_synchronised() -> bool | None:
    """What the kernel says; None where it says nothing."""
    unchanged = ctypes.create_string_buffer(512)  # struct timex, all zero: nothing is to be set
    try:
        state = int(ctypes.CDLL(None).adjtimex(unchanged))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED
