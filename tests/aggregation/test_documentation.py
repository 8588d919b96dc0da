"""docs/methods.md says of the methods what is so, and its example runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from fedmtl.aggregation import METHODS, Clock, Policy, Start, Update, build_method
from simulations.inprocess import run_inprocess
from tests.federations import create, events_of

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
ROWS = {
    name: [cell.strip() for cell in row.split("|")]
    for name, row in re.findall(r"^\| `([\w-]+)` \|(.*)\|$", PAGE, re.MULTILINE)
}
FAMILIES = ("adapter", "attention", "backbone", "cross_adapter", "decoder", "head", "norm", "router", "stem")


@pytest.fixture
def median(tmp_path, monkeypatch):
    """The example, saved as the page says."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "robust.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    return {"name": "robust:Median"}


def test_every_method_has_a_row():
    assert sorted(ROWS) == list(METHODS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_stays_home_and_whether_sums_are_enough(name):
    method = build_method({"name": name})
    home, *_, sums, _ = ROWS[name]
    kept = {family for family in FAMILIES if method.policy(f"{family}/a") is Policy.private}
    assert kept == (set(FAMILIES) if home == "everything" else set(re.findall(r"`(\w+)`", home)))
    assert sums.split(",")[0] == ("yes" if method.needs_only_sums else "no")


def test_the_example_moves_a_group_by_the_median(median):
    groups = {"backbone": np.float32([1, 2])}
    folding = build_method(median).start_round(Start(groups, {}, {}, Clock(1, 1)))
    for client, vector in (("a", [0, 1]), ("b", [2, 3]), ("c", [100, -100])):
        folding.add(Update(client, {"backbone": np.float32(vector)}, {"backbone": 1.0}))
    np.testing.assert_array_equal(folding.finish()[0]["backbone"], np.float32([3, 3]))


def test_the_example_trains_a_federation(median, tmp_path):
    directory = create(tmp_path / "run", "rounds=1", f"method.name={median['name']}")
    run_inprocess(directory)
    assert len(events_of(directory, "train")) == 3
    assert not events_of(directory, "failure")
