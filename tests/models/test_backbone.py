import pytest
import timm
import torch
from torch import nn

from fedmtl.config import BackboneConfig
from fedmtl.errors import ModelError
from fedmtl.models import backbone as module
from fedmtl.models.backbone import Backbone
from fedmtl.models.depthwise import Depthwise
from fedmtl.seeding import torch_seed
from tests.models.toys import images

FAMILIES = [
    ("mobilenetv3_small_050", [4, 8, 16, 32]),
    ("resnet18", [4, 8, 16, 32]),
    ("convnext_atto", [4, 8, 16, 32]),
    ("swin_tiny_patch4_window7_224", [4, 8, 16, 32]),
    ("mambaout_femto", [4, 8, 16, 32]),
    ("vit_tiny_patch16_224", [16, 16, 16]),
]


def build(name="mobilenetv3_small_050", channels=3, size=(96, 128), levels=(), weights="scratch"):
    with torch_seed(0, "backbone"):
        return Backbone(BackboneConfig(name, weights, list(levels)), channels, size).eval()


@pytest.mark.parametrize("size", [(96, 128), (50, 70)])
@pytest.mark.parametrize(("name", "strides"), FAMILIES)
@torch.no_grad()
def test_every_family_gives_a_pyramid_of_any_image(name, strides, size):
    backbone = build(name, size=size)
    height, width = backbone.padded(size)
    levels = backbone(images(size=size))
    assert backbone.strides == strides
    assert [level.shape for level in levels] == [
        (2, c, height // s, width // s) for c, s in zip(backbone.channels, strides, strict=True)
    ]


def test_an_image_is_padded_to_a_multiple_of_every_stride():
    assert build().padded((96, 128)) == (96, 128)
    assert build().padded((65, 1)) == (96, 32)
    assert build("vit_small_patch14_dinov2").padded((96, 128)) == (98, 140)


@torch.no_grad()
def test_padding_does_not_move_what_is_in_the_image():
    backbone, image = build(), images(size=(90, 120))
    padded = nn.functional.pad((image - backbone.mean) / backbone.std, (0, 8, 0, 6))
    torch.testing.assert_close(backbone(image)[0], backbone.body(padded)[1])


@torch.no_grad()
def test_colours_are_normalised_as_the_model_expects_and_other_channels_are_not():
    backbone = build()
    mean, std = timm.get_pretrained_cfg("mobilenetv3_small_050").mean, timm.get_pretrained_cfg("resnet18").std
    torch.testing.assert_close(backbone.mean.flatten(), torch.tensor(mean))
    torch.testing.assert_close(backbone.std.flatten(), torch.tensor(std))
    image = images(channels=5, size=(32, 32))
    spectral = build(channels=5)
    torch.testing.assert_close(spectral(image)[0], spectral.body(image)[1])


@pytest.mark.parametrize("channels", [3, 1])
def test_depthwise_convolutions_train_faster(channels):
    quicker = [m for m in build("tf_efficientnet_lite0", channels).modules() if isinstance(m, Depthwise)]
    assert [module.kernel_size for module in quicker] == [(5, 5)] * 9


def test_a_body_starts_as_timms():
    with torch_seed(0, "backbone"):
        expected = timm.create_model("tf_efficientnet_lite0", features_only=True).state_dict()
    state = build("tf_efficientnet_lite0").body.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state.items())


@pytest.mark.parametrize("channels", [1, 5])
def test_all_but_the_stem_starts_as_in_the_rgb_model(channels):
    rgb, other = build().state_dict(), build(channels=channels).state_dict()
    differing = [name for name in rgb if not torch.equal(rgb[name], other[name])]
    assert differing == ["body.conv_stem.weight"]
    rgb_stem, stem = rgb["body.conv_stem.weight"], other["body.conv_stem.weight"]
    expected = rgb_stem.sum(1, keepdim=True) if channels == 1 else rgb_stem[:, [0, 1, 2, 0, 1]] * 3 / 5
    torch.testing.assert_close(stem, expected)


@torch.no_grad()
def test_levels_can_be_chosen():
    backbone = build(levels=[2, 0])
    assert backbone.strides == [2, 8]
    assert [level.shape[1] for level in backbone(images())] == backbone.channels


@torch.no_grad()
def test_a_transformers_levels_are_blocks():
    assert build("vit_tiny_patch16_224", levels=[3, 11]).strides == [16, 16]


def test_an_unknown_model_names_a_near_one():
    with pytest.raises(ModelError, match="did you mean 'resnet18'"):
        build("resnet_18")
    with pytest.raises(ModelError, match="Invalid pretrained tag"):
        build("resnet18.nothing")


def test_a_model_without_a_pyramid_is_refused():
    with pytest.raises(ModelError, match="cannot make a feature pyramid of resnet18"):
        build("resnet18", levels=[9])


def test_weights_that_cannot_be_downloaded_are_an_error(monkeypatch):
    create = timm.create_model

    def offline(name, pretrained=False, **options):
        if pretrained:
            raise OSError("no route to host")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    monkeypatch.setattr(module, "require_within_reach", lambda *_: None)
    with pytest.raises(ModelError, match=r"cannot get weights for resnet18 \(no route to host\)"):
        build("resnet18", weights="timm")
