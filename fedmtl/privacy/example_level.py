"""Differential privacy of single images by DP-SGD (Abadi et al. 2016): what a round is to the accountant.

Each step takes every image by itself with the same probability, clips each gradient to a norm C, and adds noise of
standard deviation zC to their sum. Neighbouring data sets differ in one image, with all its labels, that is there or
not; how many images there are, and how many of them have a label of each task, is public.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, Self

from fedmtl.config import TrainingConfig
from fedmtl.config.privacy import ExamplePrivacyConfig


class StepSampling(NamedTuple):
    """How a round's steps come to their images.

    Attributes:
        expected: images of a step on average, what a sum of gradients is divided by.
        rate: the probability of each image in each step.
        steps: of a round.
    """

    expected: int
    rate: float
    steps: int

    @classmethod
    def of(cls, images: int, training: TrainingConfig) -> Self:
        """As many steps, and on average as many images in each, as training without privacy has."""
        expected = min(training.batch_size * training.accumulate, images)
        return cls(expected, expected / images, training.epochs * math.ceil(images / expected))


class GradientMechanism(NamedTuple):
    """What a round of private training does.

    Attributes:
        clip_norm: C, the largest L2 norm of an image's gradient.
        multiplier: z, of the noise.
    """

    sampling: StepSampling
    clip_norm: float
    multiplier: float


def broken_rules(settings: ExamplePrivacyConfig | None) -> Iterator[tuple[str, str]]:
    """What types alone cannot say: (key, the end of a sentence) for each rule that does not hold."""
    if settings is None:
        return
    if not 0 < settings.delta < 1:
        yield "privacy.delta", f"must be between 0 and 1, not {settings.delta}"
    above_zero = {"epsilon": settings.epsilon, "clip_norm": settings.clip_norm}
    if settings.noise_multiplier is not None:
        above_zero["noise_multiplier"] = settings.noise_multiplier
    for key, value in above_zero.items():
        if not 0 < value < math.inf:
            yield f"privacy.{key}", f"must be above 0, and finite, not {value}"
