"""A trained model in use: one image in, one prediction a task out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from fedmtl.config import ModelConfig, Resize
from fedmtl.data.files import read_image
from fedmtl.data.transforms import fit, inscribe, to_float
from fedmtl.errors import DataError
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.tasks import Task
from fedmtl.tasks.base import Label


@dataclass(frozen=True)
class Prediction:
    """What is predicted of one task for one image.

    Attributes:
        label: in its kind's label encoding, that of a dense task at the image's own (H, W).
        summary: the same in the names of classes or values, with probabilities, as JSON holds it; empty for a map.
    """

    label: Label
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class TrainedModel:
    """One client's model with its preprocessing.

    Attributes:
        network: in evaluation mode, on the CPU.
        tasks: what it predicts, by name.
        context: every task that it computes, those that others attend to among them.
        config: what the network was built from.
        channels: of the images that it takes.
        size: (height, width) that images are brought to.
        resize: how.
    """

    client: str
    network: MultiTaskNetwork
    tasks: Mapping[str, Task]
    context: Sequence[Task]
    config: ModelConfig
    channels: int
    size: tuple[int, int]
    resize: Resize

    def predict(self, image: NDArray[Any] | Path | str) -> dict[str, Label]:
        """The labels alone of what `predict_in_full` predicts, by task."""
        return {name: prediction.label for name, prediction in self.predict_in_full(image).items()}

    @torch.inference_mode()
    def predict_in_full(self, image: NDArray[Any] | Path | str) -> dict[str, Prediction]:
        """Predict every task for one image.

        Args:
            image: a file, or (H, W, C) as a data source gives it: uint8, or float32 of another sensor.

        Raises:
            DataError: the file cannot be read, or the image has another number of channels.
        """
        pixels = read_image(Path(image)) if isinstance(image, str | Path) else image
        if pixels.ndim != 3 or pixels.shape[2] != self.channels:
            name = image if isinstance(image, str | Path) else "the image"
            raise DataError(
                f"{name} has shape {pixels.shape}, where the model takes (height, width, {self.channels})"
            )
        fitted, _ = fit(pixels, {}, {}, self.size, self.resize)
        batch = torch.from_numpy(to_float(fitted))[None]
        outputs = self.network(batch, list(self.tasks)).predictions
        original = (pixels.shape[0], pixels.shape[1])
        return {
            name: Prediction(self._restored(task, outputs[name][0], original), task.summary(outputs[name][0]))
            for name, task in self.tasks.items()
        }

    def _restored(self, task: Task, output: torch.Tensor, original: tuple[int, int]) -> Label:
        """One task's prediction at the image's own size, without the borders that padding added."""
        label = task.predict(output)
        if not task.dense:
            return label
        if self.resize is not Resize.stretch:
            (height, width), (top, left) = inscribe(original, self.size, self.resize)
            label = label[top : top + height, left : left + width]
        return task.resize(label, original)
