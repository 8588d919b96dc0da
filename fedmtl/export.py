"""A client's model as a folder of its own: weights, what they mean, and a graph for other runtimes."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import fedmtl
from fedmtl.config import ModelConfig, Resize
from fedmtl.errors import ModelError, RunError
from fedmtl.inference import TrainedModel
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.tasks import TaskSpec, build_task

WEIGHTS, CARD, PROGRAM, ONNX = "model.safetensors", "model.json", "model.pt2", "model.onnx"


class Format(Enum):
    """The graph to write beside the weights."""

    torch = "torch"
    onnx = "onnx"
    none = "none"


class Card(msgspec.Struct, frozen=True):
    """What model.json says.

    Attributes:
        tasks: in the order of the graph's outputs.
        context: the tasks that are computed only for others to attend to.
        preprocessing: in words, for those who use the graph without fedmtl.
    """

    client: str
    tasks: tuple[TaskSpec, ...]
    context: tuple[TaskSpec, ...]
    channels: int
    size: tuple[int, int]
    resize: Resize
    model: dict[str, Any]
    preprocessing: str
    fedmtl: str


class _Graph(nn.Module):
    """The network as a function of an image to a tuple of predictions, as graphs need it."""

    def __init__(self, network: MultiTaskNetwork, tasks: list[str]) -> None:
        super().__init__()
        self.network = network
        self.tasks = tasks

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        predictions = self.network(image, self.tasks).predictions
        return tuple(predictions[task] for task in self.tasks)


def export(model: TrainedModel, folder: Path, graph: Format = Format.torch) -> list[Path]:
    """Write `model` into `folder`; returns the files.

    The safetensors file and the card are enough for `fedmtl.load`. The graph, for batches of any size at the
    model's image size, needs no fedmtl: it maps float32 (B, channels, H, W) in [0, 1] to a tuple of predictions.

    Raises:
        RunError: the folder holds something else, or cannot be written.
        ModelError: PyTorch cannot turn the model into that kind of graph, or ONNX is not installed.
    """
    if folder.exists() and not is_export(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} holds something else; choose another folder with --out")
    network, names = model.network, list(model.tasks)
    context = tuple(spec for spec in (task.spec for task in model.context) if spec.name not in names)
    card = Card(
        client=model.client,
        tasks=tuple(task.spec for task in model.tasks.values()),
        context=context,
        channels=model.channels,
        size=model.size,
        resize=model.resize,
        model=cast(
            dict[str, Any], OmegaConf.to_container(OmegaConf.structured(model.config), enum_to_str=True)
        ),
        preprocessing=(
            f"{model.resize.value} the image to {model.size[0]}x{model.size[1]} (bilinear, antialiased), "
            "as float32 channels first; divide uint8 by 255; the model normalises by itself"
        ),
        fedmtl=fedmtl.__version__,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in (PROGRAM, ONNX):
            (folder / stale).unlink(missing_ok=True)
        save_file({name: t.contiguous() for name, t in network.state_dict().items()}, folder / WEIGHTS)
        (folder / CARD).write_text(json.dumps(msgspec.to_builtins(card), indent=1) + "\n", encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise RunError(f"{folder} cannot be written: {error}") from error
    written = [folder / WEIGHTS, folder / CARD]
    if graph is not Format.none:
        written.append(_write_graph(model, folder, graph))
    return written


def _write_graph(model: TrainedModel, folder: Path, graph: Format) -> Path:
    names = list(model.tasks)
    example = torch.zeros(2, model.channels, *model.size)
    batch = {0: torch.export.Dim("batch", min=1)}
    module = _Graph(model.network, names).eval()
    try:
        program = torch.export.export(module, (example,), dynamic_shapes=(batch,))
        if graph is Format.torch:
            torch.export.save(program, folder / PROGRAM)
            return folder / PROGRAM
        exported = torch.onnx.export(
            program, dynamo=True, input_names=["image"], output_names=names, verbose=False
        )
        if exported is None:
            raise ModelError("PyTorch returned no ONNX program")
        exported.save(folder / ONNX)
        return folder / ONNX
    except ImportError as error:
        raise ModelError(f"ONNX export needs {error.name}: pip install 'fedmtl[onnx]'") from error
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"PyTorch cannot make a graph for {graph.value} of this model: {reason}") from error


def is_export(folder: Path) -> bool:
    """Whether `export` wrote this folder."""
    return (folder / CARD).is_file() and (folder / WEIGHTS).is_file()


def load_export(folder: Path) -> TrainedModel:
    """The model that `export` wrote.

    Raises:
        RunError: a file is damaged.
    """
    try:
        card = msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
        weights = load_file(folder / WEIGHTS)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelConfig), card.model))
    except (OSError, msgspec.MsgspecError, SafetensorError, OmegaConfBaseException) as error:
        raise RunError(f"{folder} is a damaged export: {error}") from error
    config = cast(ModelConfig, config)
    # The weights follow; the backbone's own need not be at hand.
    config.backbone.weights = "scratch"
    tasks = {spec.name: build_task(spec) for spec in card.tasks}
    present = [*tasks.values(), *(build_task(spec) for spec in card.context)]
    network = MultiTaskNetwork(
        config, present, list(tasks), channels=card.channels, image_size=card.size, seed=0
    )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"{folder / WEIGHTS} does not fit {CARD}: {str(error).splitlines()[0]}") from error
    return TrainedModel(
        card.client,
        network.eval(),
        tasks,
        tuple(present),
        config,
        card.channels,
        card.size,
        card.resize,
    )
