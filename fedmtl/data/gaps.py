"""What lies of one half only: images without a label, and labels without their image, told by listings of folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Listing:
    """What there is of a split in some of its folders, for example those of one site.

    Attributes:
        images: ids of images.
        labelled: task → ids of labels, whether or not their image is there.
    """

    images: AbstractSet[str]
    labelled: Mapping[str, AbstractSet[str]]


@dataclass
class Gap:
    """Images that lack the same.

    Attributes:
        count: how many.
        first: the id of the first; empty where there is none.
    """

    count: int = 0
    first: str = ""

    def add(self, ids: AbstractSet[str]) -> None:
        """Count images of the next listing."""
        if ids:
            self.count += len(ids)
            self.first = self.first or min(ids)


@dataclass
class Gaps:
    """What the images of a split lack.

    Attributes:
        images: how many there are.
        unlabelled: task → images without its label.
        imageless: images that are not there though a label of theirs is.
    """

    images: int = 0
    unlabelled: dict[str, Gap] = field(default_factory=dict)
    imageless: Gap = field(default_factory=Gap)


def count_gaps(listings: Iterable[Listing]) -> Gaps:
    """What all listings of a split lack together; they are gone through once, and none is kept."""
    gaps = Gaps()
    for listing in listings:
        gaps.images += len(listing.images)
        for task, labelled in listing.labelled.items():
            gaps.unlabelled.setdefault(task, Gap()).add(listing.images - labelled)
        gaps.imageless.add(frozenset().union(*listing.labelled.values()) - listing.images)
    return gaps
