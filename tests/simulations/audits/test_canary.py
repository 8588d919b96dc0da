"""Canaries among a scenario's clients, from the run to the two estimates."""

import pytest

from fedmtl.errors import ConfigError
from fedmtl.privacy import noisy_sums
from simulations.audits.canary import Canary, verdict
from tests.federations import tiny

POOLED = ("data.partition.kind=iid", *(f"clients.{name}.sites=[]" for name in "abc"))
"""Any client may hold any image, so that there are some for canaries."""
NOISY = ("privacy.client.noise=central", "privacy.client.multiplier=2.0", "privacy.client.clip_by=flat")


def test_canaries_are_seen_without_noise_and_do_not_contradict_the_accountant_with_it(tmp_path):
    scenario = tiny("rounds=1", *POOLED, *NOISY)
    found = Canary(canaries=3).examine(scenario, None, tmp_path)
    noisy, quiet = found.rows
    assert noisy["from"] <= noisy["accounted ε"]
    assert quiet["from"] > 10 * noisy["accounted ε"]
    assert (noisy["canaries"], noisy["clients"]) == (3, 6)
    assert "do not contradict" in found.verdict


@pytest.mark.parametrize("clip_by", ["flat", "group"])
def test_noise_that_is_accounted_for_and_never_added_is_caught(clip_by, monkeypatch, tmp_path):
    monkeypatch.setattr(noisy_sums, "add_noise", lambda *_: None)
    scenario = tiny("rounds=1", *POOLED, *NOISY, f"privacy.client.clip_by={clip_by}")
    assert "the accountant is wrong" in Canary(canaries=3).examine(scenario, None, tmp_path).verdict


def test_canaries_need_noise_to_account_for_a_name_of_their_own_and_a_source(tmp_path):
    with pytest.raises(ConfigError, match=r"privacy\.client\.noise"):
        Canary().examine(tiny(), None, tmp_path)
    with pytest.raises(ConfigError, match="at least 2"):
        Canary(canaries=1).examine(tiny(*NOISY), None, tmp_path)
    with pytest.raises(ConfigError, match="source 'nowhere'"):
        Canary(source="nowhere").examine(tiny(*NOISY), None, tmp_path)
    taken = tiny(*NOISY, "clients.canary={source: rooms, tasks: [semseg]}")
    with pytest.raises(ConfigError, match="rename"):
        Canary().examine(taken, None, tmp_path)


def test_an_interval_above_the_accountants_epsilon_says_so():
    row = {"estimated ε": 9.0, "from": 5.0, "to": 12.0, "accounted ε": 4.0}
    assert "the accountant is wrong" in verdict((row, row))
    assert "do not contradict" in verdict(({**row, "from": 3.0}, row))
