import numpy as np
import pytest
import torch

from fedmtl.models import group_map
from fedmtl.models.vectors import GroupVectors
from tests.models.toys import images, toy_config, toy_network, train_step

GROUPS = sorted(group_map(toy_network()))


@pytest.fixture
def net():
    network = toy_network()
    train_step(network, images())
    return network


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict(keep_vars=False).items()}


def test_layouts_name_every_tensor_in_order(net):
    vectors = GroupVectors(net)
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    assert {
        group: tuple(e.name for e in layout.entries) for group, layout in vectors.layouts.items()
    } == group_map(net)
    for layout in vectors.layouts.values():
        for entry in layout.entries:
            assert entry.shape == tuple(tensors[entry.name].shape)
            assert getattr(torch, entry.dtype) is tensors[entry.name].dtype


@pytest.mark.parametrize("group", GROUPS)
def test_a_vector_is_the_groups_tensors_one_after_another(net, group):
    vectors = GroupVectors(net)
    vector = vectors.read(group)
    assert vector.dtype == np.float32
    assert vector.shape == (vectors.layouts[group].size,)
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    for name, value in vectors.layouts[group].split(vector).items():
        np.testing.assert_array_equal(value, tensors[name].detach().numpy())


def test_writing_what_was_read_makes_an_equal_network(net):
    other = toy_network(seed=8)
    source, target = GroupVectors(net), GroupVectors(other)
    for group in source.layouts:
        target.write(group, source.read(group))
    expected = state(net)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state(other).items())


@pytest.mark.parametrize("group", ["backbone", "norm_stats", "head/depth"])
def test_writing_a_group_leaves_the_others_alone(net, group):
    vectors, before = GroupVectors(net), state(net)
    vectors.write(group, vectors.read(group) + 1)
    changed = {name for name, tensor in state(net).items() if not torch.equal(tensor, before[name])}
    assert changed == {entry.name for entry in vectors.layouts[group].entries}


def test_counters_are_rounded_and_keep_their_type(net):
    vectors = GroupVectors(net)
    vector = vectors.read("norm_stats")
    counters = [(e.name, place) for e, place in vectors.layouts["norm_stats"].slices() if e.dtype == "int64"]
    assert counters
    for _, place in counters:
        vector[place] = 6.7
    vectors.write("norm_stats", vector)
    for name, _ in counters:
        assert net.get_buffer(name).dtype == torch.int64
        assert net.get_buffer(name) == 7


def test_what_was_read_is_a_copy(net):
    vectors = GroupVectors(net)
    vector, before = vectors.read("backbone"), state(net)
    vector += 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(net).items())
    vectors.write("backbone", vector)
    written = vector.copy()
    vector += 1
    np.testing.assert_array_equal(vectors.read("backbone"), written)


@pytest.mark.parametrize("group", GROUPS)
def test_a_change_is_what_was_added_since(net, group):
    vectors = GroupVectors(net)
    since = vectors.read(group)
    vectors.write(group, since + 3)
    np.testing.assert_allclose(vectors.change(group, since), 3, atol=1e-6)
    assert vectors.change(group, since).base is None


def test_a_read_only_vector_can_be_written(net):
    vectors = GroupVectors(net)
    for group in vectors.layouts:
        vector = vectors.read(group)
        vector.flags.writeable = False
        vectors.write(group, vector)
        np.testing.assert_array_equal(vectors.read(group), vector)


def test_views_have_the_groups_shapes_and_the_vectors_memory(net):
    vectors = GroupVectors(net)
    vector = vectors.read("norm_stats")
    for view, tensor in zip(vectors.views("norm_stats", vector), vectors.tensors("norm_stats"), strict=True):
        assert view.shape == tensor.shape
        assert torch.equal(view, tensor.float())
    vectors.views("norm_stats", vector)[0].fill_(5)
    assert vector[0] == 5


def test_written_parameters_are_the_ones_that_train(net):
    """The tensors themselves stay, with their gradients and their place in an optimiser."""
    vectors = GroupVectors(net)
    before = {name: (id(p), p.requires_grad) for name, p in net.named_parameters()}
    for group in vectors.layouts:
        vectors.write(group, vectors.read(group))
    assert {name: (id(p), p.requires_grad) for name, p in net.named_parameters()} == before
    assert all(p.grad_fn is None for p in net.parameters())


@pytest.mark.parametrize("change", [-1, 1])
def test_a_vector_of_another_length_is_refused(net, change):
    vectors = GroupVectors(net)
    before = state(net)
    wrong = np.zeros(vectors.layouts["head/depth"].size + change, np.float32)
    with pytest.raises(ValueError, match=r"'head/depth' has \d+ values, not"):
        vectors.write("head/depth", wrong)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(net).items())


def test_equal_groups_of_different_clients_are_interchangeable():
    config = toy_config()
    one = GroupVectors(toy_network(("depth", "semseg"), config=config))
    other = GroupVectors(toy_network(("depth", "scene"), config=config))
    shared = set(one.layouts) & set(other.layouts)
    assert {"backbone", "norm", "attention", "attention/depth", "adapter/depth", "head/depth"} <= shared
    for group in shared:
        assert one.layouts[group].digest == other.layouts[group].digest
        np.testing.assert_array_equal(one.read(group), other.read(group))
