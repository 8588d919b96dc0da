import inspect

import pytest

from fedmtl import errors
from fedmtl.errors import FedmtlError, did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "ending"),
    [
        ("semsge", ["semseg", "depth"], "did you mean 'semseg'?"),
        ("Depth", ["semseg", "depth"], "did you mean 'depth'?"),
        ("x", ["semseg", "depth"], "known: depth, semseg"),
        ("x", [], "there are none"),
        ("", ["b", "a"], "known: a, b"),
    ],
)
def test_the_nearest_is_suggested_or_all_are_listed(word, known, ending):
    assert did_you_mean(word, known) == ending
    assert did_you_mean(word, iter(known)) == ending


def test_every_error_is_shown_to_the_user():
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
    ]
    assert len(kinds) > 5
    assert all(issubclass(kind, FedmtlError) for kind in kinds)
