"""A client's own differential privacy of its training images, which no server and no plan can weaken."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fedmtl.config import TrainingConfig
from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.errors import ConfigError, RefusalError
from fedmtl.exchange.messages import Instruction
from fedmtl.models.groups import parse_group
from fedmtl.privacy.example_ledger import ExampleLedger, Grant
from fedmtl.privacy.example_level import StepSampling

LEDGER = "privacy.jsonl"


class ExamplePrivacy:
    """What a client asks of a model and of each round.

    Args:
        folder: the client's own, of all runs.
        images: that it trains on.
        groups: of the model.

    Raises:
        ConfigError: delta is too large for so many images.
        RefusalError: the model cannot be trained so.
    """

    def __init__(
        self, settings: ExamplePrivacyConfig, folder: Path, images: int, groups: Iterable[str]
    ) -> None:
        if settings.delta >= 1 / images:
            raise ConfigError(
                f"privacy.delta: {settings.delta:g} lets one of {images} images be published whole; "
                f"take less than {1 / images:.2g}"
            )
        if any(parse_group(group).family == "norm_stats" for group in groups):
            raise RefusalError(
                "norm",
                "privacy: the model keeps running statistics of the images, which no noise protects: the run "
                "needs model.backbone.norm: group",
            )
        self._ledger = ExampleLedger(folder / LEDGER, settings)
        self._images = images

    def begin(self, instruction: Instruction, training: TrainingConfig, rounds: int) -> Grant:
        """Leave to train the instruction's round, entered into the ledger.

        Args:
            rounds: of the whole run.

        Raises:
            RefusalError: the budget does not allow it, or the client's state comes from training without privacy.
            RunError: the ledger is damaged or cannot be written.
        """
        run, accepted = instruction.federation.run, instruction.accepted
        if accepted and not self._ledger.has(run, accepted):
            raise RefusalError(
                "unaccounted",
                f"privacy: the ledger knows nothing of round {accepted} of run '{run}', in which this client's state "
                "was trained: start a new run",
            )
        sampling = StepSampling.of(self._images, training)
        return self._ledger.begin(run, instruction.round, rounds, sampling)
