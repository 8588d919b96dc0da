"""A malicious client: what it does to its labels and updates arrives, and no deployed site can be made one."""

import numpy as np
import pytest

from clients.site import make_sites
from fedmtl.deployment import site
from simulations.inprocess import run_inprocess
from tests.clients.joining import assert_equal, evaluate, join, sent, train
from tests.federations import create, events_of, tiny


def trained(folder, *overrides):
    participant = join(folder, "b", *overrides)
    return participant, *train(participant, sent(participant))


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("harmless"))


def test_an_update_is_corrupted_before_it_is_sent(harmless, tmp_path):
    _, report, updates = harmless
    _, told, sent_ = trained(tmp_path, "clients.b.attack.name=sign-flip", "clients.b.attack.scale=2")
    assert_equal(sent_, {group: np.float32(-2) * vector for group, vector in updates.items()})
    assert told.weights == report.weights


def test_poisoned_labels_are_trained_on_and_never_measured_by(harmless, tmp_path):
    honest, _, updates = harmless
    flipped, _, sent_ = trained(tmp_path, "clients.b.attack.name=label-flip")
    assert (sent_["head/semseg"] != updates["head/semseg"]).any()
    groups = sent(join(tmp_path, "b"))
    (_, measured), (_, again) = evaluate(honest, groups), evaluate(flipped, groups)
    assert_equal(again, measured)


def test_the_server_refuses_what_is_not_finite_and_names_who_sent_it(tmp_path):
    directory = create(tmp_path / "run", "rounds=1", "clients.b.attack.name=not-finite")
    run_inprocess(directory)
    (failure,) = events_of(directory, "failure")
    assert failure["client"] == "b"
    assert "not finite" in failure["error"]


def test_a_coalition_is_there_when_the_method_sees_updates(tmp_path):
    """Its members send what they learned; the model that results is another."""
    models = []
    for name, attack in (("honest", []), ("turned", ["clients.b.attack.name=inner-product"])):
        directory = create(tmp_path / name, "rounds=1", *attack)
        run_inprocess(directory)
        models.append([event["value"] for event in events_of(directory, "metric", client="a")])
    assert models[0] != models[1]


def test_copies_attack_alike_and_others_do_not():
    sites = make_sites(tiny("clients.b.copies=2", "clients.b.attack.name=scaled"))
    assert {name for name, each in sites.items() if each.attack} == {"b-0", "b-1"}


def test_a_deployed_site_has_no_such_setting():
    assert "attack" not in site.SiteConfig.__dataclass_fields__
