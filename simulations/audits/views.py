"""What an attacker may get to see of a client's update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fedmtl.exchange.layout import Vector
from fedmtl.models.groups import parse_group
from fedmtl.privacy.clipping import WHOLE, clipped, norm
from fedmtl.privacy.gaussian import standard_normal
from fedmtl.privacy_config import LEAST_HOLDERS, ClipKind
from simulations.audits.one_step import OneStep, added_up

HEADS = frozenset({"adapter", "head", "decoder"})
"""Families of groups that an update of heads alone consists of."""
BARE = "whole update"
UNRELATED = "unrelated update"


class View(NamedTuple):
    """What is seen, and what the attacker takes it for.

    Attributes:
        updates: group → what is seen of it.
        of: the clients whose mean gradient the attacker takes it for; the first is the one that is attacked.
        within: the clients whose updates it is made of. What is found may be an image of any of them.
    """

    name: str
    updates: Mapping[str, Vector]
    of: Sequence[OneStep]
    within: Sequence[OneStep]


def views(steps: Sequence[OneStep], index: int, together: int, multiplier: float) -> Iterator[View]:
    """Everything that is tried on the step at `index`.

    Args:
        together: steps in a sum: this one and those that follow. An unrelated one is that of the most different image.
        multiplier: standard deviation of the noise over the clipping norm, which is the norm of this step's update:
            clipping then takes nothing from it.
    """
    step, count = steps[index], len(steps)
    members = [steps[(index + offset) % count] for offset in range(together)]
    bound = {WHOLE: norm(np.concatenate(list(step.updates.values())))}
    cut = [replace(each, updates=clipped(each.updates, bound, ClipKind.flat)) for each in members]
    yield View(BARE, step.updates, [step], [step])
    heads = {group: vector for group, vector in step.updates.items() if parse_group(group).family in HEADS}
    yield View("heads alone", heads, [step], [step])
    # The same labels, but another's update: what labels and smoothness alone give away.
    other = max(steps, key=lambda each: float((each.truth - step.truth).square().mean()))
    unrelated = other.updates
    seen = {group: unrelated[group] for group in step.updates if group in unrelated}
    yield View(UNRELATED, seen, [step], [step])
    deviation = multiplier * bound[WHOLE]
    yield View("whole update, noisy", noised(step.updates, deviation), [step], [step])
    added = added_up(members, LEAST_HOLDERS)
    yield View(f"sum of {together}", added, [step], members)
    yield View(f"sum of {together}, all at once", added, members, members)
    noisy = noised(added_up(cut, LEAST_HOLDERS), deviation / together)
    yield View(f"sum of {together}, noisy", noisy, [step], members)


def noised(updates: Mapping[str, Vector], deviation: float) -> dict[str, Vector]:
    """The vectors with Gaussian noise in every value."""
    return {
        group: (vector + deviation * standard_normal(vector.size)).astype(np.float32)
        for group, vector in updates.items()
    }
