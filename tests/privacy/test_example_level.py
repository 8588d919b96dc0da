import math

import pytest

from fedmtl.config import TrainingConfig
from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.privacy.example_level import StepSampling, broken_rules


@pytest.mark.parametrize(
    ("images", "training", "expected"),
    [
        (64, TrainingConfig(batch_size=8, epochs=2), StepSampling(8, 0.125, 16)),
        (65, TrainingConfig(batch_size=8), StepSampling(8, 8 / 65, 9)),
        (60, TrainingConfig(batch_size=4, accumulate=3, epochs=3), StepSampling(12, 0.2, 15)),
        (5, TrainingConfig(batch_size=8, epochs=2), StepSampling(5, 1.0, 2)),
    ],
)
def test_the_rate_follows_from_the_images_and_the_batch(images, training, expected):
    assert StepSampling.of(images, training) == expected


def test_an_epsilon_alone_is_enough():
    assert list(broken_rules(ExamplePrivacyConfig(epsilon=8.0))) == list(broken_rules(None)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"epsilon": 0.0},
        {"epsilon": math.inf},
        {"epsilon": math.nan},
        {"delta": 0.0},
        {"delta": 1.0},
        {"clip_norm": -1.0},
        {"clip_norm": math.inf},
        {"noise_multiplier": 0.0},
        {"noise_multiplier": math.nan},
    ],
    ids=str,
)
def test_what_protects_nobody_is_refused(change):
    ((key, sentence),) = broken_rules(ExamplePrivacyConfig(**{"epsilon": 8.0} | change))
    assert key == f"privacy.{next(iter(change))}"
    assert sentence.startswith("must be")
