"""Two floors, with as many chances as what is held against them."""

import pytest
import torch

from simulations.audits.attempts import Outcome
from simulations.audits.inversion_table import MEAN, UNRELATED, detail, summarise, verdict
from simulations.audits.views import BARE

SUM = "sum of 5"


def details(first_nearest, second_nearest):
    """Two images: of a bare update one comes out; of sums something may, among five attempts."""
    first = {
        MEAN: 10.0, UNRELATED: 12.0, BARE: 30.0,
        f"{BARE}, nearest": 30.0, f"{BARE}, by chance": 12.0, f"{BARE}, tries": 1.0,
        SUM: 11.0, f"{SUM}, nearest": first_nearest, f"{SUM}, by chance": 13.0, f"{SUM}, tries": 5.0,
    }  # fmt: skip
    second = {
        MEAN: 14.0, UNRELATED: 8.0, BARE: 18.0,
        f"{BARE}, nearest": 18.0, f"{BARE}, by chance": 8.0, f"{BARE}, tries": 1.0,
        SUM: 14.5, f"{SUM}, nearest": second_nearest, f"{SUM}, by chance": 9.0, f"{SUM}, tries": 5.0,
    }  # fmt: skip
    return [first, second]


def rows_of(found):
    return {row["seen"]: row for row in summarise(found)}


def test_an_attempt_is_held_against_one_and_the_nearest_of_five_against_the_nearest_of_five():
    rows = rows_of(details(13.5, 14.9))
    assert list(rows) == [MEAN, UNRELATED, BARE, SUM]
    assert rows[BARE] == {
        "seen": BARE, "mean": 24.0, "best": 30.0, "found": 1, "images": 2, "above floor": 11.0, "at most": 18.0,
        "tries": 1, "nearest: above floor": 11.0, "nearest: at most": 18.0,
    }  # fmt: skip
    row = rows[SUM]
    assert row["above floor"] == (-1 + 0.5) / 2
    assert row["at most"] == 0.5
    assert row["tries"] == 5
    assert row["nearest: above floor"] == pytest.approx((0.5 + 0.9) / 2)
    assert row["nearest: at most"] == pytest.approx(0.9)
    assert "tries" not in rows[MEAN]


def test_the_verdict_names_what_either_count_finds():
    told = verdict(summarise(details(13.5, 14.9)))
    assert "1 of 2 images come out at 20 dB" in told
    assert told.endswith(f"Nothing of any image, within 1 dB of its floor, comes out of: {SUM}.")
    told = verdict(summarise(details(14.5, 14.9)))
    assert told.endswith(f"Something of an image is among all that comes out of: {SUM}.")
    assert "Nothing" not in told
    found = details(14.5, 14.9)
    found[1][SUM] = 16.0
    assert verdict(summarise(found)).endswith(f"Something of an image comes out of: {SUM}.")


def test_without_anything_unrelated_the_mean_image_is_the_floor():
    truth = torch.full((1, 2, 2), 0.5)
    outcome = Outcome(truth + 0.1, None, truth + 0.01, None, 3)
    found = detail(truth, truth + 0.2, {SUM: outcome, BARE: outcome})
    assert found[SUM] == pytest.approx(20, abs=1e-3)
    assert found[f"{SUM}, nearest"] == pytest.approx(40, abs=1e-3)
    assert found[f"{SUM}, tries"] == 3
    row = rows_of([found])[SUM]
    assert row["at most"] == pytest.approx(20 - found[MEAN])
    assert row["nearest: at most"] == pytest.approx(40 - found[MEAN])
    assert UNRELATED not in rows_of([found])
