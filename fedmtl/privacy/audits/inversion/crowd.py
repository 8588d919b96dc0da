"""Gradients of many victims at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.victim import Victim


class Likes(NamedTuple):
    """Victims that differ in nothing but labels, whose gradients are therefore computed together.

    Attributes:
        victim: one of them.
        places: (m,) int64, where they stand among the victims of all rows, counted row by row.
        targets: task → (m, …), their labels.
    """

    victim: Victim
    places: Tensor
    targets: dict[str, Tensor]


class Crowd(NamedTuple):
    """The victims of R rows, n a row.

    Attributes:
        size: n.
        parts: all of them, in as few parts as they make.
    """

    size: int
    parts: list[Likes]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Victim]]) -> Crowd:
        """Those of each row; a victim may be in several."""
        everyone = [victim for row in rows for victim in row]
        different = list({id(victim): victim for victim in everyone}.values())
        like: dict[int, int] = {}  # victim → the first that is like it
        for i, victim in enumerate(different):
            firsts = [other for other in different[:i] if like[id(other)] == id(other)]
            like[id(victim)] = next((id(other) for other in firsts if victim.alike(other)), id(victim))
        parts = []
        for first in (victim for victim in different if like[id(victim)] == id(victim)):
            places = [place for place, victim in enumerate(everyone) if like[id(victim)] == id(first)]
            targets = {
                task: torch.cat([everyone[place].targets[task] for place in places]) for task in first.targets
            }
            parts.append(Likes(first, torch.tensor(places), targets))
        return cls(len(rows[0]), parts)

    def gradients(self, images: Tensor, names: Collection[str]) -> Mapping[str, Tensor]:
        """Each row's mean of its victims' gradients at images (R, n, C, H, W), by parameter (R, …); differentiable.

        A parameter's mean is over the victims that have it, as it is over the holders of its group.
        """
        count, flat = len(images), images.flatten(0, 1)
        sums: dict[str, Tensor] = {}
        holders = {name: torch.zeros(count) for name in names}
        for part in self.parts:
            rows = part.places // self.size
            known = [name for name in names if name in part.victim.parameters]
            for name, each in part.victim.gradients(flat[part.places], known, part.targets).items():
                total = each.new_zeros(count, *each.shape[1:]).index_add(0, rows, each)
                sums[name] = sums[name] + total if name in sums else total
                holders[name] = holders[name].index_add(0, rows, torch.ones(len(rows)))
        return {
            name: total / holders[name].clamp(min=1).view(-1, *[1] * (total.ndim - 1))
            for name, total in sums.items()
        }
