"""What a server is told of a failure."""

import errno

import pytest

from clients.failures import ComputerLostError, code_of, reason_of
from fedmtl import errors

SECRET = "/data/patients/mueller.png"


class OutOfMemoryError(RuntimeError):
    """As torch calls its own."""


def full_disk():
    error = errors.RunError(f"{SECRET} cannot be written")
    error.__cause__ = OSError(errno.ENOSPC, "No space left", SECRET)
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError(SECRET), "config"),
        (errors.DataError(SECRET), "data"),
        (errors.ModelError(SECRET), "model"),
        (errors.TrainingError(SECRET), "training"),
        (errors.ExchangeError(SECRET), "exchange"),
        (errors.RunError(SECRET), "state"),
        (errors.RefusalError("rounds", SECRET), "refused-rounds"),
        (ComputerLostError(SECRET), "died"),
        (full_disk(), "disk-full"),
        (MemoryError(SECRET), "memory"),
        (OutOfMemoryError(SECRET), "memory"),
        (KeyError(SECRET), "internal"),
        (FileNotFoundError(errno.ENOENT, "No such file", SECRET), "internal"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_class_and_a_code_and_nothing_of_the_text(error, code):
    assert code_of(error) == code
    reason = reason_of(error)
    assert f"code {code} " in reason
    assert "mueller" not in reason


def test_a_class_that_is_not_known_to_be_harmless_is_not_named():
    patient = type("Mueller", (Exception,), {})
    assert reason_of(patient()).startswith("Exception, code internal")
    assert reason_of(errors.DataError("")).startswith("DataError, code data")
    assert reason_of(KeyError("")).startswith("KeyError, code internal")
