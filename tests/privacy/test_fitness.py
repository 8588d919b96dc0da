"""What cannot be had together with sums alone is refused with a sentence."""

import pytest

from fedmtl.aggregation import METHODS, build_method
from fedmtl.config import ExchangeConfig, Plan
from fedmtl.config.privacy import ClientPrivacyConfig, NoiseKind, PrivacyConfig
from fedmtl.errors import ConfigError
from fedmtl.privacy.fitness import check_plan, check_sums

GATHERING = ("conflict-averse", "fedamp", "fedhca2", "kinship", "mat-fl", "pilot")


def check(method, **plan):
    check_sums(Plan(method=method, **plan), build_method(method), "privacy.secure_sums")


@pytest.mark.parametrize(
    "name", ["fedavg", "fedprox", "fedadam", "fedavgm", "fedyogi", "blend", "ditto", "fedper"]
)
def test_methods_that_need_only_sums(name):
    check({"name": name})


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_is_told_by_what_it_says_of_itself(name):
    method = {"name": name}
    if build_method(method).needs_only_sums:
        check(method)
    else:
        with pytest.raises(ConfigError, match=f"'{name}' needs every client's own update"):
            check(method)


def test_those_that_gather():
    assert not any(build_method({"name": name}).needs_only_sums for name in GATHERING)


def test_a_codec_that_rounds_cannot_be_added_up():
    with pytest.raises(ConfigError, match=r"exchange\.up: what 'int8' encodes cannot be added up"):
        check({"name": "fedavg"}, exchange=_exchange("int8"))
    check({"name": "fedavg"}, exchange=_exchange("fp32", down="int8"))


def test_statistics_of_normalisation_stay_at_home(monkeypatch):
    method = build_method({"name": "fedavg"})
    monkeypatch.setattr(type(method), "keeps_private", frozenset({"constant"}))
    with pytest.raises(ConfigError, match="shares 'norm_stats'"):
        check_sums(Plan(method={"name": "fedavg"}), method, "privacy.secure_sums")


def test_a_plan_that_can_be_carried_out_gives_its_method():
    assert type(check_plan(_plan("fedamp"))) is METHODS["fedamp"]
    assert type(check_plan(_plan("fedadam", privacy=PrivacyConfig(secure_sums=True)))) is METHODS["fedadam"]


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("fedavgg", {}, "did you mean 'fedavg'"),
        (
            "fedamp",
            {"privacy": PrivacyConfig(secure_sums=True)},
            "with privacy.secure_sums there are only sums",
        ),
        (
            "fedamp",
            {"privacy": PrivacyConfig(client=ClientPrivacyConfig(noise=NoiseKind.central))},
            "with privacy.client.noise there are only sums",
        ),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(method, settings, words):
    with pytest.raises(ConfigError, match=words):
        check_plan(_plan(method, **settings))


def test_buckets_are_no_smaller_than_sums():
    def plan(bucket):
        return Plan(
            method={"name": "median", "bucket": bucket},
            exchange=_exchange("fp32"),
            privacy=PrivacyConfig(secure_sums=True, min_holders=4),
        )

    check_plan(plan(4))
    with pytest.raises(ConfigError, match=r"method\.bucket: is 3, .* clients at least: set method\.bucket=4"):
        check_plan(plan(3))


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_plan_with_an_unknown_codec_is_refused(way):
    with pytest.raises(ConfigError, match="unknown codec 'int9': did you mean 'int8'"):
        check_plan(_plan("fedavg", exchange=_exchange(**{"up": "fp32", way: "int9"})))


def _plan(method, **settings):
    return Plan(method={"name": method}, **{"exchange": _exchange("fp32"), **settings})


def _exchange(up, down="fp32"):
    return ExchangeConfig({"name": up}, {"name": down})
