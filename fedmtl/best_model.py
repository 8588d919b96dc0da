"""The best model that a client has had in a run, in one file: what the client leaves with.

It stands by itself. Whoever has the file needs neither the server nor the run to load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from omegaconf.errors import OmegaConfBaseException

from fedmtl.card import Card
from fedmtl.errors import RunError
from fedmtl.inference import TrainedModel
from fedmtl.tensor_file import read_state, read_tensors, write_tensors

BEST = "best.safetensors"
"""The file in the client's own folder, beside its private state."""
BROUGHT = "brought"
"""In the same folder, the model that the client comes to the federation with, as `fedmtl export` writes one."""


class Best(msgspec.Struct, frozen=True):
    """What the file says of its model beside how it is built.

    Attributes:
        run: the run's identity.
        round: after which it was measured; 0 for the model that the client came with.
        metrics: task → its primary metric on the client's validation images, where it could be measured.
        brought: the same of the model that the client came with; None where it came with none.
    """

    run: str
    round: int
    metrics: Mapping[str, float]
    brought: Mapping[str, float] | None
    card: Card


def write_best(path: Path, best: Best, model: TrainedModel) -> None:
    """Write a model in one step; what was there before is gone.

    Raises:
        RunError: it cannot be written, and the former one stays.
    """
    weights = {name: tensor.cpu().numpy() for name, tensor in model.network.state_dict().items()}
    write_tensors(path, weights, msgspec.to_builtins(best))


def read_best(path: Path, run: str | None = None) -> Best | None:
    """What is said of the model in a file; None where there is no file.

    Args:
        run: the identity of the run that it has to be of; None: of any.

    Raises:
        RunError: the file is damaged, or of another run.
    """
    if not path.is_file():
        return None
    try:
        best = msgspec.convert(read_state(path), Best)
    except msgspec.ValidationError as error:
        raise RunError(f"{path} is not a client's best model: {error}") from error
    if run not in (None, best.run):
        raise RunError(
            f"{path} belongs to run '{best.run}', not to '{run}'; move it to a place where you keep it"
        )
    return best


def load_best(path: Path, run: str | None = None) -> TrainedModel | None:
    """The model in a file; None where there is no file. Arguments and errors as for `read_best`."""
    best = read_best(path, run)
    if best is None:
        return None
    tensors, _ = read_tensors(path)
    try:
        return best.card.model_with({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    except (OmegaConfBaseException, RuntimeError) as error:
        raise RunError(f"{path} is damaged: {str(error).splitlines()[0]}; restore it from a copy") from error
