"""The backbone: any timm model as a feature pyramid in NCHW."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import timm
import torch
import torch.nn.functional as F
from timm.layers.format import Format
from timm.models import adapt_input_conv
from torch import Tensor, nn

from fedmtl.config import BackboneConfig, NormKind
from fedmtl.errors import ModelError, did_you_mean
from fedmtl.models.depthwise import quicken_depthwise
from fedmtl.models.group_norm import to_group_norm
from fedmtl.models.groups import CONSTANT, Grouped
from fedmtl.models.hub import require_within_reach
from fedmtl.models.norms import NORMS, STATISTICS
from fedmtl.models.pretrained import load_checkpoint, load_package

STRIDES = range(4, 33)
"""Strides of the levels that are taken unless the config names some."""


class Backbone(Grouped):
    """Image (B, channels, H, W), float in [0, 1] → pyramid levels (B, C_l, H_l, W_l), finest first.

    Normalises as the model was trained to expect (three channels only), and pads with zeros at the right and
    bottom to a multiple of the strides. Every level covers the padded image.

    Groups: `norm` and `norm_stats` of normalisation layers; `stem/<channels>` for what has a shape that depends
    on the input channels; `backbone`.

    Args:
        config: which model, its weights and its levels.
        channels: input channels. Weights, random ones too, are those of the RGB model, adapted.
        image_size: (height, width) of the images; models with positional parameters are built for it.

    Attributes:
        channels: channels of each level.
        strides: stride of each level.

    Raises:
        ModelError: the model or its weights cannot be had, or do not fit.
    """

    group = "backbone"
    # Convolutions take over their input's; with this one the backbone trains a quarter faster on a CPU.
    memory_format: torch.memory_format = torch.channels_last
    mean: Tensor
    std: Tensor

    def __init__(self, config: BackboneConfig, channels: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        pretrained = _pretrained_config(config.name)
        options = _options(config, pretrained.fixed_input_size, image_size)
        if config.weights == "timm":
            require_within_reach(config.name, pretrained)
        rgb = _create(config.name, pretrained=config.weights == "timm", **options)
        if config.weights == "package":
            load_package(rgb, config.name)
        elif config.weights not in ("scratch", "timm"):
            load_checkpoint(rgb, config.name, config.weights)

        mean, std = pretrained.mean, pretrained.std
        self.body = rgb
        if channels != 3:
            self.body = _create(config.name, in_chans=channels, **options)
            _adapt(self.body, rgb, channels)
            mean, std = (0.0,), (1.0,)
        quicken_depthwise(self.body)
        if config.norm is NormKind.group:
            to_group_norm(self.body)
        stem = _stem_names(config.name, tuple(options.items()))
        self._stem = frozenset(p for name, p in self.body.named_parameters() if name in stem)
        self._stem_group = f"stem/{channels}"
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

        widths, strides = self.body.feature_info.channels(), self.body.feature_info.reduction()
        self._levels = [i for i, stride in enumerate(strides) if config.levels or stride in STRIDES]
        if not self._levels:
            raise ModelError(
                f"model.backbone.levels: timm's {config.name} has none of stride 4 to 32; name some"
            )
        self.channels = [widths[i] for i in self._levels]
        self.strides = [strides[i] for i in self._levels]
        self._multiple = math.lcm(*strides)
        self._channels_last = getattr(self.body, "output_fmt", Format.NCHW) == Format.NHWC

    def group_of(self, owner: nn.Module, name: str) -> str:
        """The group of what `owner` holds under `name`; normalisation layers are told by their type."""
        norm = isinstance(owner, NORMS)
        if name in owner._buffers:
            return "norm_stats" if norm and name in STATISTICS else CONSTANT
        if owner._parameters[name] in self._stem:
            return self._stem_group
        return "norm" if norm else self.group

    def padded(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (height, width) that an image of `size` is padded to."""
        return _round_up(size, self._multiple)

    def forward(self, image: Tensor) -> list[Tensor]:
        """The pyramid of a batch of images."""
        height, width = self.padded((image.shape[2], image.shape[3]))
        x = F.pad((image - self.mean) / self.std, (0, width - image.shape[3], 0, height - image.shape[2]))
        levels = self.body(x.contiguous(memory_format=self.memory_format))
        if self._channels_last:
            levels = [level.permute(0, 3, 1, 2) for level in levels]
        return [levels[i] for i in self._levels]


def _pretrained_config(name: str) -> Any:
    """What timm knows of the model: its input size, mean and deviation.

    Raises:
        ModelError: timm has no such model, or not with that tag.
    """
    try:
        found = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise ModelError(f"model.backbone.name: {error}") from error
    if found is None:
        near = did_you_mean(name, timm.list_models())
        raise ModelError(f"model.backbone.name: timm has no model '{name}'; {near}")
    return found


def _options(config: BackboneConfig, fixed_size: bool, image_size: tuple[int, int]) -> dict[str, Any]:
    """The arguments that timm takes for `config`."""
    options: dict[str, Any] = {"out_indices": tuple(sorted(config.levels))} if config.levels else {}
    if fixed_size:
        with torch.device("meta"):
            strides = _create(config.name, **options).feature_info.reduction()
        options["feature_cls"] = "getter"
        options["img_size"] = _round_up(image_size, math.lcm(*strides))
    return options


def _create(name: str, pretrained: bool = False, **options: Any) -> Any:
    try:
        return timm.create_model(name, features_only=True, pretrained=pretrained, **options)
    except Exception as error:  # timm, its hub client and each model's constructor raise what they like
        if pretrained:
            raise ModelError(
                f"model.backbone.weights: timm cannot get weights for {name} ({error}); "
                "give the path of a checkpoint, or scratch"
            ) from error
        raise ModelError(f"model.backbone: timm cannot make a feature pyramid of {name}: {error}") from error


def _round_up(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    height, width = (math.ceil(length / multiple) * multiple for length in size)
    return height, width


@lru_cache(maxsize=16)
def _stem_names(name: str, options: tuple[tuple[str, Any], ...]) -> frozenset[str]:
    """The parameters whose shape depends on the number of input channels.

    They are a group apart for every number of channels, three too: so `backbone` is the same for all clients.
    """
    with torch.device("meta"):
        rgb, grey = (_create(name, in_chans=channels, **dict(options)) for channels in (3, 1))
    shapes = {name: parameter.shape for name, parameter in rgb.named_parameters()}
    return frozenset(name for name, parameter in grey.named_parameters() if parameter.shape != shapes[name])


def _adapt(body: nn.Module, rgb: nn.Module, channels: int) -> None:
    """Give `body` the weights of `rgb`; what depends on the channels is repeated, times 3/channels.

    For one channel it is the sum of the RGB weights.
    """
    weights = rgb.state_dict()
    with torch.no_grad():
        for name, tensor in body.state_dict(keep_vars=True).items():
            weight = weights[name]
            tensor.copy_(weight if weight.shape == tensor.shape else adapt_input_conv(channels, weight))
