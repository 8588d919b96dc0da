"""Label flip: a client that learns the opposite of what its images show (Biggio et al. 2012, arXiv 1206.6389)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fedmtl.attacks.base import Attack
from fedmtl.data.base import Sample, Source
from fedmtl.data.wrapped import Wrapped
from fedmtl.tasks import build_task


@dataclass(frozen=True)
class LabelFlip(Attack):
    """Trains on flipped labels, and sends what that gives.

    Each task kind says what the contrary of a label is (`Task.opposite`): of C classes, c becomes C − 1 − c; yes
    becomes no; what is near becomes what is far within an image; normals change their sign. What is not labelled
    stays so.
    """

    def poison(self, source: Source) -> Source:
        return Flipped(source)


class Flipped(Wrapped):
    """A source with flipped labels, in all splits; see `LabelFlip`.

    Raises:
        ConfigError: when a label is loaded whose kind has no contrary.
    """

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        """None: what is read from them is not what they hold."""
        return ()

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        sample = self.source.load(sample_id, tasks)
        flipped = {
            task: build_task(self.tasks[task]).opposite(label) for task, label in sample.labels.items()
        }
        return replace(sample, labels=flipped)
