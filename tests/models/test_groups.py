import pytest
import torch
from torch import nn

from fedmtl.config import HeadKind
from fedmtl.errors import ModelError
from fedmtl.models import CONSTANT, Grouped, GroupName, Role, group_map, parse_group, role, weighted_by
from tests.models.toys import toy_config, toy_network

BACKBONES = ["resnet18", "convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]


@pytest.fixture(scope="module", params=BACKBONES)
def spectral(request):
    """A five-channel network of each family, with context."""
    return toy_network(config=toy_config(request.param), context=("scene",), channels=5)


def owner_of(network, name):
    return network.get_submodule(name.rpartition(".")[0])


def test_every_parameter_and_buffer_is_in_exactly_one_group(spectral):
    names = [name for group in group_map(spectral).values() for name in group]
    everything = {name for name, _ in [*spectral.named_parameters(), *spectral.named_buffers()]}
    assert len(names) == len(set(names))
    assert set(names) == everything


def test_the_groups_of_the_backbone_follow_module_types(spectral):
    groups = group_map(spectral)
    norms = nn.BatchNorm2d | nn.LayerNorm
    assert all(isinstance(owner_of(spectral, name), norms) for name in groups["norm"])
    assert not any(isinstance(owner_of(spectral, name), norms) for name in groups["backbone"])


def test_every_buffer_is_a_statistic_or_a_constant(spectral):
    groups = group_map(spectral)
    statistics = set(groups.get("norm_stats", ()))
    assert {name for name, _ in spectral.named_buffers()} == {*groups[CONSTANT], *statistics}
    assert all(isinstance(owner_of(spectral, name), nn.BatchNorm2d) for name in statistics)
    assert not any(isinstance(owner_of(spectral, name), nn.BatchNorm2d) for name in groups[CONSTANT])


def test_what_depends_on_the_input_channels_has_a_group_of_its_own(spectral):
    (stem,) = group_map(spectral)["stem/5"]
    assert spectral.get_parameter(stem).shape[1] == 5


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_but_for_the_stem_the_groups_of_any_number_of_channels_line_up(channels):
    groups, rgb = group_map(toy_network(channels=channels)), group_map(toy_network())
    assert groups.pop(f"stem/{channels}") == rgb.pop("stem/3")
    assert groups == rgb


def test_batch_norm_exists_in_the_backbone_only():
    network = toy_network(context=("scene",))
    assert all(name.startswith("backbone.") for name in group_map(network)["norm_stats"])


def test_the_groups_of_a_client_with_context():
    own, pairs = ("depth", "semseg"), ("depth", "scene", "semseg")
    groups = set(group_map(toy_network(own, context=("scene",))))
    expected = {
        "stem/3",
        "backbone",
        "norm",
        "norm_stats",
        "attention",
        "constant",
        "head/depth",
        "head/semseg",
    }
    expected |= {f"{family}/{task}" for family in ("adapter", "attention") for task in pairs}
    expected |= {f"router/{task}/{source}" for task in own for source in pairs}
    expected |= {f"cross_adapter/{task}/{source}" for task in own for source in pairs if source != task}
    assert groups == expected


def test_groups_list_names_in_state_dict_order():
    network = toy_network()
    order = {name: i for i, name in enumerate(network.state_dict())}
    for group, names in group_map(network).items():
        if group != CONSTANT:
            assert [order[name] for name in names] == sorted(order[name] for name in names)


@pytest.mark.parametrize("head", HeadKind)
@pytest.mark.parametrize(
    ("own", "context"),
    [(("depth",), ()), (("depth",), ("scene",)), (("depth", "semseg"), ("scene",)), (("scene",), ("depth",))],
)
def test_the_groups_of_a_model_are_the_groups_it_has_a_role_in(own, context, head):
    config = toy_config(head=head)
    config.adapter.client = True
    network = toy_network(own, context, config)
    everything = group_map(toy_network(("depth", "scene", "semseg"), config=config))
    dense = {"depth", "semseg"}
    held = {g for g in everything if role(g, own, (*own, *context), dense) is not Role.none}
    assert held == set(group_map(network)) - {CONSTANT}
    assert all(network.role(g) is role(g, own, (*own, *context), dense) for g in everything)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("backbone", Role.train),
        ("norm_stats", Role.train),
        ("stem/5", Role.train),
        ("constant", Role.none),
        ("adapter/a", Role.train),
        ("adapter/c", Role.read),
        ("adapter/x", Role.none),
        ("attention/a", Role.train),
        ("attention/c", Role.train),
        ("attention/x", Role.none),
        ("head/a", Role.train),
        ("head/c", Role.none),
        ("head/b", Role.none),
        ("router/a/c", Role.train),
        ("router/c/a", Role.none),
        ("router/a/x", Role.none),
        ("cross_adapter/a/c", Role.train),
        ("cross_adapter/c/a", Role.none),
        ("client_adapter/a", Role.train),
        ("client_adapter/c", Role.none),
        ("decoder", Role.train),
    ],
)
def test_roles_of_a_client_that_labels_a_and_reads_b_and_c(group, expected):
    assert role(group, {"a"}, tasks={"a", "b", "c"}, dense={"a"}) is expected


@pytest.mark.parametrize(("own", "expected"), [({"a", "x"}, Role.train), ({"x"}, Role.none)])
def test_the_decoder_is_trained_by_who_labels_a_dense_task(own, expected):
    assert role("decoder", own, tasks={"a", "b", "x"}, dense={"a", "b"}) is expected


def test_a_task_alone_needs_no_router():
    assert role("router/a/a", own={"a"}, tasks={"a"}, dense=()) is Role.none


@pytest.mark.parametrize(
    ("group", "name", "task"),
    [
        ("backbone", GroupName("backbone"), None),
        ("stem/12", GroupName("stem", channels=12), None),
        ("attention", GroupName("attention"), None),
        ("attention/a", GroupName("attention", "a"), None),
        ("decoder", GroupName("decoder"), None),
        ("head/a", GroupName("head", "a"), "a"),
        ("client_adapter/a", GroupName("client_adapter", "a"), "a"),
        ("router/a/b", GroupName("router", "a", "b"), "a"),
    ],
)
def test_a_group_name_tells_what_it_is_and_what_weights_it(group, name, task):
    assert parse_group(group) == name
    assert weighted_by(group) == task


@pytest.mark.parametrize("group", ["", "a/", "/a", "a/b/c/d", "a//b"])
def test_what_is_not_a_group_is_refused(group):
    with pytest.raises(ModelError, match="is not a group"):
        parse_group(group)


def test_the_nearest_declaration_wins_and_none_is_an_error():
    outer, inner = Grouped(), Grouped()
    outer.group, inner.group = "outer", "inner"
    outer.weight = nn.Parameter(torch.zeros(1))
    outer.inner = inner
    inner.plain = nn.Linear(1, 1)
    inner.register_buffer("table", torch.zeros(1), persistent=False)
    assert group_map(outer) == {
        "constant": ("inner.table",),
        "inner": ("inner.plain.weight", "inner.plain.bias"),
        "outer": ("weight",),
    }
    with pytest.raises(ModelError, match=r"'0\.weight' belongs to no group"):
        group_map(nn.Sequential(nn.Linear(1, 1)))
