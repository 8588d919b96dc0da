import copy
import pickle

import pytest
import timm
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from fedmtl.models.depthwise import Depthwise, quicken_depthwise
from fedmtl.seeding import torch_seed

BODIES = ["tf_efficientnet_lite0", "mobilenetv3_small_050", "convnext_atto"]


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def layer(kind=nn.Conv2d, channels=20, size=5, **options):
    with torch_seed(0):
        return kind(channels, options.pop("out", channels), size, **{"groups": channels, **options})


def quickened(module):
    module = copy.deepcopy(module)
    quicken_depthwise(module)
    return module


def is_ours(out):
    return "_Convolution" in out.grad_fn.name()


def train(module, x):
    """The result and the gradients of all parameters."""
    out = module(x)
    outs = out if isinstance(out, list) else [out]
    sum(level.square().mean() for level in outs).backward()
    return [level.detach() for level in outs], {name: p.grad for name, p in module.named_parameters()}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_trains_as_before(body):
    with torch_seed(0):
        plain = timm.create_model(body, features_only=True).train()
    ours = quickened(plain)
    assert any(isinstance(module, Depthwise) for module in ours.modules())
    assert {name: t.shape for name, t in ours.state_dict().items()} == {
        name: t.shape for name, t in plain.state_dict().items()
    }
    x = images(2, 3, 64, 96).contiguous(memory_format=torch.channels_last)
    (levels, gradients), (expected_levels, expected) = train(ours, x), train(plain, x)
    assert all(torch.equal(a, b) for a, b in zip(levels, expected_levels, strict=True))
    for name, gradient in expected.items():
        assert (gradients[name] - gradient).norm() <= 1e-5 * gradient.norm() + 1e-7, name


def test_objects_stay_and_so_do_their_hooks():
    body = nn.Sequential(layer(), nn.ReLU())
    first, weight, seen = body[0], body[0].weight, []
    body[0].register_forward_hook(lambda *_: seen.append(True))
    quicken_depthwise(body)
    assert body[0] is first
    assert first.weight is weight
    body(images(1, 20, 6, 6))
    assert seen


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (layer(size=3, padding=1), "torch's is as fast"),
        (layer(groups=1), "not depthwise"),
        (layer(groups=4), "not depthwise"),
        (layer(out=40), "two results a channel"),
        (layer(dilation=2), "dilated"),
        (layer(padding=2, padding_mode="reflect"), "not padded with zeros"),
        (layer(padding="same"), "padding that is named"),
        (layer(nn.ConvTranspose2d), "transposed"),
        (nn.Linear(20, 20), "no convolution"),
    ],
)
def test_what_ours_is_not_for_stays(other, why):
    assert type(quickened(other)) is type(other), why


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(nn.Conv2d, {"padding": 2}), (nn.Conv2d, {"padding": 2, "stride": 2}), (Conv2dSame, {"stride": 2})],
)
@pytest.mark.parametrize("size", [(1, 1), (3, 4), (8, 9), (9, 8)])
def test_a_layer_trains_as_before(kind, options, bias, channels_last, size):
    plain = layer(kind, bias=bias, **options).double()
    ours = quickened(plain)
    x = images(2, 20, *size).double()
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    assert is_ours(ours(x))
    ((out,), gradients), ((expected_out,), expected) = train(ours, x), train(plain, x)
    assert torch.equal(out, expected_out)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-12, atol=1e-14)


def test_torchs_gradient_can_be_asked_for():
    ours = quickened(layer())
    ours.own_gradient = False
    assert not is_ours(ours(images(1, 20, 6, 6)))


def test_ours_is_for_what_is_trained():
    ours, x = quickened(layer()), images(1, 20, 6, 6).requires_grad_()
    with torch.no_grad():
        assert ours(x).grad_fn is None
    ours.requires_grad_(False)
    assert not is_ours(ours(x))


def test_half_precision_is_torchs():
    ours, x = quickened(layer()), images(1, 20, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        out = ours(x)
    assert out.dtype == torch.bfloat16
    assert not is_ours(out)
    assert not is_ours(ours.bfloat16()(x.bfloat16()))


def test_other_devices_are_torchs():
    assert not is_ours(quickened(layer()).to("meta")(images(1, 20, 6, 6).to("meta")))


@pytest.mark.parametrize("kind", [nn.Conv2d, Conv2dSame])
def test_graphs_are_of_torchs_operators(kind):
    ours = quickened(layer(kind, stride=2))
    program = torch.export.export(ours, (images(2, 20, 9, 8),))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.conv2d.default" in called
    assert all(name.startswith("aten.") for name in called)


@pytest.mark.parametrize("kind", [nn.Conv2d, Conv2dSame])
def test_it_compiles_into_one_graph(kind):
    torch.compiler.reset()
    ours, x = quickened(layer(kind, stride=2)), images(2, 20, 9, 8)
    _, expected = train(copy.deepcopy(ours), x)
    _, gradients = train(torch.compile(ours, fullgraph=True, backend="aot_eager"), x)
    for actual, gradient in zip(gradients.values(), expected.values(), strict=True):
        torch.testing.assert_close(actual, gradient)


def test_it_can_be_copied_and_pickled():
    ours, x = quickened(layer(Conv2dSame)), images(1, 20, 6, 6)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert isinstance(other, Depthwise)
        assert torch.equal(other(x), ours(x))
