"""What a client refuses of a server under secure sums, and what it never says."""

import pytest
from msgspec.structs import replace

from clients.app import _plain, _secure
from clients.rules import Rules
from clients.secure_participant import SecureParticipant
from clients.site import make_sites
from fedmtl.config import Plan
from fedmtl.deployment.site import Limits
from fedmtl.errors import ConfigError, ExchangeError, RefusalError
from fedmtl.exchange.messages import Federation, Inquiry
from fedmtl.privacy.secure_messages import DealInstruction
from fedmtl.privacy.secure_sum import Delivery, Group, Keyring, Setup
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from tests.federations import tiny

SUMS = ("privacy.secure_sums=true", "privacy.largest_weight=16")
OTHERS = ("b", "c", "d", "e", "f")
KEYS = {name: Keyring.create("run", name).public_key() for name in OTHERS}


@pytest.fixture(scope="module")
def scenario():
    return tiny(*SUMS)


@pytest.fixture(scope="module")
def federation(scenario):
    specs = {spec.name: spec for site in make_sites(scenario).values() for spec in site.tasks}
    return Federation("run", tuple(specs[name] for name in sorted(specs)), to_yaml(Plan.of(scenario)), ())


@pytest.fixture(scope="module")
def participant(scenario, federation, tmp_path_factory):
    """Client a: semseg and depth."""
    folder = tmp_path_factory.mktemp("a")
    return SecureParticipant(make_sites(scenario)["a"], Snapshots(folder / "a"), federation)


def setup_of(participant, groups, **changes):
    keys = {"a": participant.membership().key, **KEYS}
    bounds = {"min_holders": 3, "largest_change": 8.0, "largest_weight": 16.0} | changes
    return Setup.create("run", 1, keys, groups, **bounds)


def size_of(participant, group):
    return participant._inner.model.vectors.layouts[group].size


def deal(participant, federation, setup):
    return participant.deal(DealInstruction(federation, 1, setup))


def holders(*others):
    return tuple(sorted({"a", *others}))


def test_it_deals_for_what_was_agreed(participant, federation):
    groups = {
        "backbone": Group(holders("b", "c"), size_of(participant, "backbone")),
        "head/room_type": Group(("b", "c", "d"), 7),
        "loss:depth": Group(holders("b", "c"), 2, "statistics"),
    }
    dealt = deal(participant, federation, setup_of(participant, groups))
    assert set(dealt.commitments) == {"backbone", "loss:depth"}
    assert set(dealt.sealed) == set(OTHERS)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("backbone", Group(holders("b", "c"), 3)),
        ("norm_stats", Group(holders("b", "c"), 3)),
        ("head/room_type", Group(holders("b", "c"), 3)),
        ("loss:depth", Group(holders("b", "c"), 1, "statistics")),
        ("loss:room_type", Group(holders("b", "c"), 2, "statistics")),
        ("val:depth", Group(holders("b", "c"), 2, "mean")),
        ("train:depth", Group(holders("b", "c"), 2, "statistics")),
    ],
)
def test_other_sums_than_were_agreed_are_refused(participant, federation, name, group):
    with pytest.raises(ExchangeError, match=f"asks for a sum '{name}', which is not as was agreed"):
        deal(participant, federation, setup_of(participant, {name: group}))


def test_one_update_in_two_sums_is_refused(participant, federation):
    """Over a, b, c, d and over b, c, d, with the rest known, the difference would be a's."""
    size = size_of(participant, "backbone")
    groups = {"backbone": Group(holders("b", "c"), size), "backbone#1": Group(holders("d", "e"), size)}
    with pytest.raises(RefusalError, match="asks for two sums of group 'backbone'"):
        deal(participant, federation, setup_of(participant, groups))


@pytest.mark.parametrize("bounds", [{"largest_change": 80.0}, {"largest_weight": 1.0}])
def test_other_bounds_than_the_plans_are_refused(participant, federation, bounds):
    groups = {"loss:depth": Group(holders("b", "c"), 2, "statistics")}
    with pytest.raises(ExchangeError, match="other bounds than its plan"):
        deal(participant, federation, setup_of(participant, groups, **bounds))


def test_a_round_that_was_not_begun_cannot_go_on(participant):
    for attempt in ("0" * 32, "../../keyring", "keyring"):
        with pytest.raises(ExchangeError, match="a round that this client has not begun"):
            participant._masking.receive(attempt, 1, None)


def test_a_round_cannot_go_on_as_another(participant, federation):
    """What was opened is remembered by the number of the round."""
    setup = setup_of(participant, {"loss:depth": Group(holders("b", "c"), 2, "statistics")})
    delivery = Delivery(deal(participant, federation, setup).digest, {})
    with pytest.raises(ExchangeError, match="goes on with round 1 as if it were 2"):
        participant._masking.receive(setup.attempt, 2, delivery)


def test_its_key_of_the_run_stays_the_same(participant, scenario, federation):
    folder = participant._inner.snapshots
    again = SecureParticipant(make_sites(scenario)["a"], folder, federation)
    assert again.membership().key == participant.membership().key


def test_a_server_cannot_ask_for_updates_in_clear(scenario, federation, tmp_path):
    site, private = make_sites(scenario)["a"], Snapshots(tmp_path / "a")
    with pytest.raises(RefusalError, match="asks for an answer in clear in a run with secure sums"):
        _plain(site, private, federation)
    plain = replace(federation, plan=to_yaml(Plan.of(tiny())))
    with pytest.raises(ExchangeError, match="asks for secure sums in a run without them"):
        _secure(site, private, plain)


def test_a_method_that_gathers_is_refused_by_the_client_as_well(scenario, tmp_path, federation):
    kinship = replace(federation, plan=to_yaml(Plan.of(tiny(*SUMS, "method.name=kinship"))))
    with pytest.raises(ConfigError, match="needs every client's own update"):
        SecureParticipant(make_sites(scenario)["a"], Snapshots(tmp_path / "a"), kinship)


def test_a_description_without_counts(scenario):
    site = make_sites(scenario)["a"]
    told, all_of_it = site.describe(Inquiry(False)), site.describe(Inquiry(True))
    assert (all_of_it.images, all_of_it.val_images, all_of_it.counted) == (4, 2, True)
    assert (told.images, told.val_images, told.test_images, told.counted) == (1, 1, 1, False)
    assert told.labelled == {"depth": 1, "semseg": 1}


def rules(**limits):
    return Rules(Limits(**limits), (), "cpu", 1)


def test_a_site_may_want_secure_sums_whatever_a_run_has(federation):
    rules().check_counted()
    strict = rules(secure_sums=True)
    with pytest.raises(RefusalError) as error:
        strict.check_counted()
    assert error.value.rule == "secure-sums"
    strict.plan(federation)
    with pytest.raises(RefusalError, match="asks for updates in clear"):
        strict.plan(replace(federation, plan=to_yaml(Plan.of(tiny()))))


def test_a_site_may_want_more_holders(federation):
    assert rules(min_holders=3).plan(federation).privacy.least_holders == 3
    with pytest.raises(RefusalError) as error:
        rules(min_holders=4).plan(federation)
    assert error.value.rule == "min-holders"
    four = replace(federation, plan=to_yaml(Plan.of(tiny(*SUMS, "privacy.min_holders=4"))))
    assert rules(min_holders=4).plan(four).privacy.least_holders == 4
