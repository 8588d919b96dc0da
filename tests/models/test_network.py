import copy
from dataclasses import replace

import pytest
import torch

from fedmtl.config import AttentionKind, HeadKind
from fedmtl.errors import ModelError
from fedmtl.models import MultiTaskNetwork, Role, group_map
from fedmtl.tasks import TaskSpec, build_task
from tests.models.toys import SIZE, images, toy_config, toy_network, toy_tasks, train_step

KINDS = list(AttentionKind)
HEADS = list(HeadKind)
FAMILIES = ["mobilenetv3_small_050", "convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]


def perturbed(network, seed=0):
    """The network with every parameter moved by a noise keyed by its name: nothing is zero any more."""
    with torch.no_grad():
        for i, (_, parameter) in enumerate(sorted(network.named_parameters())):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed + i))
            parameter += 0.05 * noise
    return network.eval()


@pytest.mark.parametrize(
    "config", [*(toy_config(kind=kind) for kind in KINDS), toy_config(head=HeadKind.conditioned)]
)
@pytest.mark.parametrize("size", [(64, 96), (50, 70)])
def test_predictions_have_the_images_size_and_the_tasks_channels(config, size):
    network = toy_network(("depth", "scene", "semseg"), config=config, image_size=size)
    output = network(images(size=size))
    assert {task: tuple(p.shape) for task, p in output.predictions.items()} == {
        "depth": (2, 1, *size),
        "scene": (2, 4),
        "semseg": (2, 5, *size),
    }
    assert all(p.dtype == torch.float32 for p in output.predictions.values())
    assert output.auxiliary.shape == ()
    assert output.auxiliary > 0


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_every_family_of_backbones_predicts(family):
    network = toy_network(config=toy_config(family), image_size=(96, 128)).eval()
    predictions = network(images(size=(96, 128))).predictions
    assert predictions["semseg"].shape == (2, 5, 96, 128)
    assert all(prediction.isfinite().all() for prediction in predictions.values())


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_order_of_tasks_does_nothing(kind):
    config = toy_config(kind=kind)
    one = perturbed(toy_network(("depth", "semseg"), ("scene",), config))
    other = perturbed(toy_network(("semseg", "depth"), ("scene",), config))
    for task, prediction in one(images()).predictions.items():
        assert torch.equal(prediction, other(images(), ["semseg", "depth"]).predictions[task])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("own", "context"), [(("depth",), ()), (("scene",), ("depth",)), (("depth", "scene"), ())]
)
def test_any_subset_of_tasks_starts_with_the_full_models_parameters(kind, own, context):
    config = toy_config(kind=kind)
    full = toy_network(("depth", "scene", "semseg"), config=config).state_dict()
    for name, tensor in toy_network(own, context, config).state_dict().items():
        assert torch.equal(tensor, full[name]), name


@pytest.mark.parametrize("own", [("depth",), ("scene",), ("depth", "scene")])
def test_any_subset_starts_alike_with_conditioned_heads_and_client_adapters(own):
    config = toy_config(head=HeadKind.conditioned)
    config.adapter.client = True
    full = toy_network(("depth", "scene", "semseg"), config=config).state_dict()
    network = toy_network(own, config=config)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, full[name]), name
    assert ("decoder" in group_map(network)) == ("depth" in own)


def test_parameters_of_equal_names_start_equal_whatever_parts_a_model_has():
    more = toy_config(head=HeadKind.conditioned)
    more.adapter.client = True
    plain, network = (toy_network(("depth", "scene"), config=c).state_dict() for c in (toy_config(), more))
    common = set(plain) & set(network)
    assert "heads.scene.out.weight" in common
    assert all(torch.equal(plain[name], network[name]) for name in common)


def test_initial_weights_depend_on_the_seed_and_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    one, other = toy_network(seed=1).state_dict(), toy_network(seed=2).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(one["heads.depth.out.weight"], other["heads.depth.out.weight"])
    assert not torch.equal(one["backbone.body.conv_stem.weight"], other["backbone.body.conv_stem.weight"])


@torch.no_grad()
def test_an_untrained_client_adapter_changes_nothing():
    config = toy_config()
    config.adapter.client = True
    before = perturbed(toy_network())
    after = toy_network(config=config).eval()
    after.load_state_dict(before.state_dict(), strict=False)
    for task, prediction in before(images()).predictions.items():
        assert torch.equal(after(images()).predictions[task], prediction)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", HEADS)
@torch.no_grad()
def test_at_first_a_client_predicts_as_if_it_had_no_other_task(kind, head):
    config = toy_config(kind=kind, head=head)
    alone = toy_network(("depth",), config=config).eval()
    among = toy_network(("depth", "semseg"), ("scene",), config).eval()
    expected = alone(images()).predictions["depth"]
    assert torch.equal(among(images()).predictions["depth"], expected)


@pytest.mark.parametrize("kind", [AttentionKind.deformable, AttentionKind.full, AttentionKind.pooled])
@torch.no_grad()
def test_once_trained_a_task_attends_to_the_others(kind):
    network = perturbed(toy_network(("depth",), ("scene",), toy_config(kind=kind)))
    before = network(images()).predictions["depth"]
    for parameter in network.mixture.adapters["scene"].parameters():
        parameter += 1
    network.mixture.cross_adapters["depth"]["scene"].requires_grad_(False).apply(
        lambda module: [p.zero_() for p in module.parameters(recurse=False)]
    )
    assert not torch.allclose(network(images()).predictions["depth"], before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", HEADS)
def test_gradients_reach_all_that_is_trained_and_nothing_that_is_read(kind, head):
    own, context = ("depth", "semseg"), ("scene",)
    config = toy_config(kind=kind, head=head)
    config.adapter.client = True
    network = toy_network(own, context, config)
    for adapter in network.mixture.adapters["scene"].children():
        torch.nn.init.normal_(adapter.up.weight, generator=torch.Generator().manual_seed(0))
    for _ in range(4):
        train_step(network, images(batch=4))
    for group, names in group_map(network).items():
        expected = network.role(group)
        for name in names:
            if expected is Role.read:
                assert not network.get_parameter(name).requires_grad
                assert network.get_parameter(name).grad is None, name
            elif expected is Role.train and group != "norm_stats":
                assert network.get_parameter(name).grad.abs().max() > 0, name


def test_sixteen_tasks_are_ordinary():
    kinds = [TaskSpec("", "depth"), TaskSpec("", "regression"), TaskSpec("", "classification", ("no", "yes"))]
    tasks = [build_task(replace(kinds[i % 3], name=f"task{i}")) for i in range(16)]
    config = toy_config()
    config.attention.top_k = 4
    network = MultiTaskNetwork(config, tasks, [task.name for task in tasks], image_size=SIZE, seed=0)
    before = {name: p.detach().clone() for name, p in network.named_parameters() if ".gate." in name}
    torch.manual_seed(0)
    for _ in range(2):  # the attention's output is zero until the first
        train_step(network, images())
    assert len(before) == 2 * 16
    for name, gate in before.items():
        assert not torch.equal(network.get_parameter(name), gate), name


def test_there_are_heads_for_labelled_tasks_alone():
    network = toy_network(("depth",), context=("scene", "semseg")).eval()
    assert set(network(images()).predictions) == {"depth"}
    with pytest.raises(ModelError, match="no head for 'scene'; it has: depth"):
        network(images(), ["scene"])


@torch.no_grad()
def test_asking_for_fewer_tasks_changes_no_prediction():
    network = perturbed(toy_network(("depth", "semseg")))
    torch.testing.assert_close(
        network(images(), ["semseg"]).predictions["semseg"], network(images()).predictions["semseg"]
    )


@torch.no_grad()
def test_an_images_prediction_does_not_depend_on_its_batch():
    network = perturbed(toy_network(("depth", "semseg"), ("scene",)))
    batch, alone = network(images(batch=3)), network(images(batch=3)[1:2])
    torch.testing.assert_close(
        batch.predictions["depth"][1:2], alone.predictions["depth"], rtol=1e-4, atol=1e-5
    )


def test_tasks_that_the_model_does_not_compute_are_refused():
    with pytest.raises(ModelError, match="does not compute 'parts'; its tasks: depth"):
        MultiTaskNetwork(toy_config(), toy_tasks("depth"), ["parts"], image_size=SIZE, seed=0)


def test_a_copy_has_the_same_groups():
    network = toy_network(channels=5)
    assert group_map(copy.deepcopy(network)) == group_map(network)


@torch.no_grad()
def test_bfloat16_autocast_gives_float32_predictions():
    network = toy_network().eval()
    with torch.autocast("cpu", torch.bfloat16):
        predictions = network(images()).predictions
    for task, expected in network(images()).predictions.items():
        assert predictions[task].dtype == torch.float32
        torch.testing.assert_close(predictions[task], expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize(("top_k", "head"), [(0, HeadKind.own), (2, HeadKind.own), (0, HeadKind.conditioned)])
@torch.no_grad()
def test_the_network_exports_as_one_graph(top_k, head):
    config = toy_config(head=head)
    config.adapter.client = head is HeadKind.conditioned
    config.backbone.levels = [1, 2]
    config.attention.top_k = top_k
    network = perturbed(toy_network(("depth", "type"), ("scene",), config))
    exported = torch.export.export(network, (images(),)).module()
    output, expected = exported(images()), network(images())
    for task, prediction in expected.predictions.items():
        torch.testing.assert_close(output.predictions[task], prediction)
