"""A client's model as a folder of its own: weights, what they mean, and a graph for other runtimes."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

import msgspec
import torch
from omegaconf.errors import OmegaConfBaseException
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fedmtl.card import Card
from fedmtl.errors import ModelError, RunError
from fedmtl.inference import TrainedModel
from fedmtl.models.network import MultiTaskNetwork

WEIGHTS, CARD, PROGRAM, ONNX = "model.safetensors", "model.json", "model.pt2", "model.onnx"


class Format(Enum):
    """The graph to write beside the weights."""

    torch = "torch"
    onnx = "onnx"
    none = "none"


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
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stale in (PROGRAM, ONNX):
            (folder / stale).unlink(missing_ok=True)
        save_file({name: t.contiguous() for name, t in model.network.state_dict().items()}, folder / WEIGHTS)
        card = msgspec.to_builtins(Card.of(model))
        (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
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


def read_card(folder: Path) -> Card:
    """What an exported model says of itself.

    Raises:
        RunError: it is damaged.
    """
    try:
        return msgspec.json.decode((folder / CARD).read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(f"{folder} is a damaged export: {error}") from error


def load_export(folder: Path) -> TrainedModel:
    """The model that `export` wrote.

    Raises:
        RunError: a file is damaged.
    """
    card = read_card(folder)
    try:
        return card.model_with(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, OmegaConfBaseException) as error:
        raise RunError(f"{folder} is a damaged export: {error}") from error
    except RuntimeError as error:
        raise RunError(f"{folder / WEIGHTS} does not fit {CARD}: {str(error).splitlines()[0]}") from error
