"""The federation's groups as the server knows them."""

from dataclasses import dataclass

import numpy as np
import pytest

from clients.participant import Participant
from clients.site import make_sites
from fedmtl.aggregation import Phase, build_method
from fedmtl.aggregation.fedavg import FedAvg
from fedmtl.config import Context, Plan
from fedmtl.errors import ConfigError, ModelError
from fedmtl.exchange.messages import Federation
from fedmtl.models.groups import Role
from fedmtl.scenario import to_yaml
from fedmtl.snapshots import Snapshots
from server.blueprint import Blueprint
from tests.federations import tiny


@dataclass(frozen=True)
class Torn(FedAvg):
    def phases(self, clock):
        return (Phase(0.5),)


def build(*overrides, tasks=("depth", "room_type", "semseg"), channels=(3,)):
    scenario = tiny(*overrides)
    offered = make_sites(scenario)["a"].source.tasks
    specs = [offered[name] for name in tasks]
    return Blueprint.build(Plan.of(scenario), build_method(scenario.method), specs, channels)


def test_the_order_of_tasks_and_channels_does_not_matter():
    one = build(channels=(3, 1))
    other = build(tasks=("semseg", "depth", "room_type"), channels=(1, 3, 1))
    assert one.tasks == other.tasks
    assert one.channels == other.channels == (1, 3)
    assert {group: layout.digest for group, layout in one.layouts.items()} == {
        group: layout.digest for group, layout in other.layouts.items()
    }
    for group, vector in one.initial.items():
        np.testing.assert_array_equal(vector, other.initial[group])


def test_more_tasks_and_sensors_leave_the_known_groups_as_they_are():
    small, large = build(tasks=("depth",)), build(channels=(1, 3, 5))
    assert set(small.layouts) < set(large.layouts)
    for group, layout in small.layouts.items():
        assert large.layouts[group].digest == layout.digest
        np.testing.assert_array_equal(large.initial[group], small.initial[group])
    assert {"stem/1", "stem/3", "stem/5"} <= set(large.layouts)


@pytest.mark.parametrize(
    ("method", "families"), [("fedavg", set()), ("fedper", {"head"}), ("fedbn", {"norm"})]
)
def test_private_groups_are_not_the_servers(method, families):
    everything = {group.split("/")[0] for group in build().layouts}
    shared = build(f"method.name={method}")
    assert set(shared.layouts) == set(shared.initial)
    assert {group.split("/")[0] for group in shared.layouts} == everything - families
    assert not everything & {"norm_stats", "constant"}
    assert build("method.name=local").layouts == {}


@pytest.mark.parametrize("context", [Context.own, Context.all])
def test_clients_compute_the_same_groups_and_roles(context, tmp_path):
    """The server's view of a client, against the network that the client builds."""
    scenario = tiny(f"model.context={context.value}")
    blueprint = build(f"model.context={context.value}")
    federation = Federation("run", blueprint.tasks, to_yaml(Plan.of(scenario)), ())
    for name, site in make_sites(scenario).items():
        membership = Participant(site, Snapshots(tmp_path / name), federation).membership()
        for wanted, digests in ((Role.train, membership.train), (Role.read, membership.read)):
            groups = blueprint.groups_of(site.description, wanted)
            assert {group: layout.digest for group, layout in groups.items()} == digests
    assert bool(membership.read) == (context is Context.all)


def test_where_adapters_stay_at_home_nobody_reads_them():
    blueprint = build("model.context=all", "method={name: fedper, private: ['adapter/*']}")
    assert blueprint.context is Context.own
    assert build("model.context=all", "method.name=fedper").context is Context.all


def test_a_method_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match=r"Torn\.phases: in round 1 the shares are"):
        build(f"method.name={__name__}:Torn")


def test_a_private_pattern_that_matches_nothing_is_named():
    with pytest.raises(
        ConfigError, match=r"method\.private: no parameter group matches 'haed/\*'; .*head/depth"
    ):
        build("method.private=['haed/*']")


def test_a_backbone_that_does_not_exist_is_named():
    with pytest.raises(ModelError, match="timm has no model 'lcnet_036'; did you mean 'lcnet_035'"):
        build("model.backbone.name=lcnet_036")
