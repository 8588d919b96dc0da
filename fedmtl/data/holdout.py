"""Validation images taken out of a source's training images, so that its own validation images can be the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fedmtl.data.wrapped import Wrapped
from fedmtl.errors import ConfigError


@dataclass
class HeldOut(Wrapped):
    """A source of which a part of the training images is the split `val`, and the own `val` is the split `test`.

    The part is the last `share` of each site's training images, rounded, so that every site keeps its weight. It is
    one stretch, because neighbours in a list are often frames of one film, and a near copy of every validation image
    would be trained on; who has lists in order of a label should shuffle them. It does not depend on a run's seed: what
    was tuned on it once stays apart from what is trained on. A test list of the source's own is not used.

    Args:
        source: the source as it is.
        name: what the scenario calls it.
        share: above 0 and below 1.
    """

    name: str
    share: float

    def ids(self, split: str) -> Sequence[str]:
        """Sample ids of `train` (what is left), `val` (what is held out) or `test` (the source's validation).

        Raises:
            ConfigError: the share of the training images is none, or all.
        """
        if split == "test":
            return self.source.ids("val")
        wanted = {"train": False, "val": True}.get(split)
        return [i for i in self.source.ids("train") if (i in self._held_out) is wanted]

    @cached_property
    def _held_out(self) -> frozenset[str]:
        sites: dict[str, list[str]] = {}
        for sample_id in self.source.ids("train"):
            sites.setdefault(self.source.site(sample_id), []).append(sample_id)
        held_out: list[str] = []
        for ids in sites.values():
            held_out += ids[len(ids) - round(self.share * len(ids)) :]
        images = len(self.source.ids("train"))
        if not 0 < len(held_out) < images:
            raise ConfigError(
                f"data.holdout: {self.share} takes {len(held_out)} of the {images} training images of source "
                f"'{self.name}'; some must be taken, and some left"
            )
        return frozenset(held_out)
