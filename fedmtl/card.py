"""What a file of weights has to be told with, so that it is a model again: tasks, parts and preprocessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import msgspec
from omegaconf import OmegaConf
from torch import Tensor

import fedmtl
from fedmtl.config import ModelConfig, Resize
from fedmtl.inference import TrainedModel
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.tasks import TaskSpec, build_task


class Card(msgspec.Struct, frozen=True):
    """A model without its weights.

    Attributes:
        tasks: in the order of the graph's outputs.
        context: the tasks that are computed only for others to attend to, or not asked for.
        own: the names of those, of either, that the network was trained on.
        preprocessing: in words, for those who use the graph without fedmtl.
    """

    client: str
    tasks: tuple[TaskSpec, ...]
    context: tuple[TaskSpec, ...]
    own: tuple[str, ...]
    channels: int
    size: tuple[int, int]
    resize: Resize
    model: dict[str, Any]
    preprocessing: str
    fedmtl: str

    @classmethod
    def of(cls, model: TrainedModel) -> Self:
        """The card of a model."""
        config = OmegaConf.to_container(OmegaConf.structured(model.config), enum_to_str=True)
        return cls(
            client=model.client,
            tasks=tuple(task.spec for task in model.tasks.values()),
            context=tuple(task.spec for task in model.context if task.name not in model.tasks),
            own=model.network.own,
            channels=model.channels,
            size=model.size,
            resize=model.resize,
            model=cast(dict[str, Any], config),
            preprocessing=(
                f"{model.resize.value} the image to {model.size[0]}x{model.size[1]} (bilinear, antialiased), "
                "as float32 channels first; divide uint8 by 255; the model normalises by itself"
            ),
            fedmtl=fedmtl.__version__,
        )

    def model_with(self, weights: Mapping[str, Tensor]) -> TrainedModel:
        """The model with these weights: name in the network's state dict → value.

        Raises:
            OmegaConfBaseException: the card's model is no model's config.
            RuntimeError: the weights do not fit the card.
        """
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelConfig), self.model))
        config = cast(ModelConfig, config)
        # The weights follow; the backbone's own need not be at hand.
        config.backbone.weights = "scratch"
        tasks = {spec.name: build_task(spec) for spec in self.tasks}
        present = [*tasks.values(), *(build_task(spec) for spec in self.context)]
        network = MultiTaskNetwork(
            config, present, self.own, channels=self.channels, image_size=self.size, seed=0
        )
        network.load_state_dict(weights)
        return TrainedModel(
            self.client,
            network.eval(),
            tasks,
            tuple(present),
            config,
            self.channels,
            self.size,
            self.resize,
        )

    def misfit(self, other: Card) -> str | None:
        """Why it cannot stand in for another model, as the end of a sentence; None where it can.

        It can where it takes the same images, brought to the same size, and predicts at least the same tasks.
        """
        known = {spec.name: spec for spec in self.tasks}
        for spec in other.tasks:
            if known.get(spec.name) != spec:
                return f"does not predict '{spec.name}' as this client labels it"
        if self.channels != other.channels:
            return f"takes images of {self.channels} channels, not of {other.channels}"
        if (self.size, self.resize) != (other.size, other.resize):
            mine, theirs = (f"{each.resize.value} to {each.size[0]}x{each.size[1]}" for each in (self, other))
            return f"was trained on other images than this federation's: {mine}, not {theirs}"
        return None
