"""What an attacker may get to see of a client's update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fedmtl.config.privacy import LEAST_HOLDERS, ClipKind
from fedmtl.exchange.layout import Vector, norm
from fedmtl.models.groups import parse_group
from fedmtl.privacy.clipping import WHOLE, clipped
from fedmtl.privacy.gaussian import standard_normal
from simulations.audits.one_step import OneStep, added_up

HEADS = frozenset({"adapter", "head", "decoder"})
"""Families of groups that an update of heads alone consists of."""
BARE = "whole update"
VIEWS = 6
"""How many there are of an image."""

Updates = Mapping[str, Vector]
"""Group → what is seen of it."""


class View(NamedTuple):
    """What is seen, and what the attacker takes it for.

    Attributes:
        updates: what is seen.
        unrelated: the same of as many other clients: nothing of `within` is in it.
        of: the clients whose mean gradient the attacker takes it for; the first is the one that is attacked.
        within: the clients whose updates it is made of. What is found may be an image of any of them.
    """

    name: str
    updates: Updates
    unrelated: Updates
    of: Sequence[OneStep]
    within: Sequence[OneStep]


def views(steps: Sequence[OneStep], index: int, together: int, multiplier: float) -> Iterator[View]:
    """Everything that is tried on the step at `index`.

    An update that is unrelated to it is that of the most different image; a sum, that of the clients behind its own.

    Args:
        steps: twice as many as `together`, or more.
        together: steps in a sum: this one and those that follow.
        multiplier: standard deviation of the noise over the clipping norm, which is the norm of this step's update:
            clipping then takes nothing from it.
    """
    step, count = steps[index], len(steps)
    members = [steps[(index + offset) % count] for offset in range(together)]
    others = [steps[(index + together + offset) % count] for offset in range(together)]
    other = max(steps, key=lambda each: float((each.truth - step.truth).square().mean()))
    bound = {WHOLE: norm(np.concatenate(list(step.updates.values())))}
    deviation = multiplier * bound[WHOLE]

    def cut(each: OneStep) -> OneStep:
        return replace(each, updates=clipped(each.updates, bound, ClipKind.flat))

    def noisy_sum(each: Sequence[OneStep]) -> Updates:
        return noised(added_up([cut(one) for one in each], LEAST_HOLDERS), deviation / together)

    yield View(BARE, step.updates, other.updates, [step], [step])
    yield View("heads alone", heads(step.updates), heads(other.updates), [step], [step])
    noisy = noised(step.updates, deviation), noised(cut(other).updates, deviation)
    yield View("whole update, noisy", *noisy, [step], [step])
    added = added_up(members, LEAST_HOLDERS), added_up(others, LEAST_HOLDERS)
    yield View(f"sum of {together}", *added, [step], members)
    yield View(f"sum of {together}, all at once", *added, members, members)
    yield View(f"sum of {together}, noisy", noisy_sum(members), noisy_sum(others), [step], members)


def heads(updates: Updates) -> Updates:
    """What belongs to single tasks."""
    return {group: vector for group, vector in updates.items() if parse_group(group).family in HEADS}


def noised(updates: Updates, deviation: float) -> Updates:
    """The vectors with Gaussian noise in every value."""
    return {
        group: (vector + deviation * standard_normal(vector.size)).astype(np.float32)
        for group, vector in updates.items()
    }
