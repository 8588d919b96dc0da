"""Attempts at a view of an update, and what of an image comes out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from fedmtl.privacy.audits.inversion import Gradient, Inversion
from fedmtl.privacy.audits.inversion.base import Case
from fedmtl.privacy.audits.inversion.victim import gradient_of
from fedmtl.privacy.audits.quality import psnr
from fedmtl.seeding import key
from simulations.audits.one_step import OneStep
from simulations.audits.views import Updates, View


class Attempt(NamedTuple):
    """What an attack made of a view.

    Attributes:
        found: (n, C, H, W), an image for each of those that the view was taken for.
        unrelated: the same, by the same attack from the same beginnings, out of what is unrelated; None where that
            lacks what the attack needs.
    """

    view: View
    found: Tensor
    unrelated: Tensor | None


class Outcome(NamedTuple):
    """What of one image comes out of one kind of view.

    Attributes:
        own: (C, H, W), of the one attempt that looked for this image.
        blank: the same out of what is unrelated.
        nearest: the image nearest to the true one among all that came out of any update that it is a part of, whoever
            was looked for: out of a sum, the image of any of its clients may come.
        chance: the nearest among those out of what is unrelated, in those same attempts. So both have had equally
            many chances, with the same labels and beginnings; they differ in whether the image was in what was seen.
        tries: how many chances.
    """

    own: Tensor
    blank: Tensor | None
    nearest: Tensor
    chance: Tensor | None
    tries: int


def attempt(attack: Inversion, views: Iterable[View], lr: float, seed: int) -> Iterator[Attempt]:
    """Attack all views that it can be tried on, and what is unrelated to them.

    Args:
        lr: of the clients' step.
        seed: keys what is drawn: for clients that are looked for, the same in whatever is seen.
    """
    cases: list[Case] = []
    tried: list[tuple[View, bool]] = []
    for view in views:
        victims = [step.victim for step in view.of]
        drawn = key(seed, "audit", *(word for step in view.of for word in (step.client, step.image_id)))
        pair = [observed(updates, view.of, lr) for updates in (view.updates, view.unrelated)]
        usable = [Case(victims, each, drawn) for each in pair if attack.applies(victims, each)]
        if attack.applies(victims, pair[0]):
            cases += usable
            tried.append((view._replace(updates={}, unrelated={}), len(usable) == 2))  # what is kept is small
    found = attack.reconstruct(cases)
    for view, both in tried:
        yield Attempt(view, next(found).images, next(found).images if both else None)


def observed(updates: Updates, of: Sequence[OneStep], lr: float) -> Gradient:
    """What `updates` say of the gradient of clients that the attacker takes them for."""
    found: dict[str, Tensor] = {}
    for step in of:
        seen = {group: vector for group, vector in updates.items() if group in step.updates}
        found |= gradient_of(seen, step.vectors, lr)
    return found


def outcomes(step: OneStep, attempts: Sequence[Attempt]) -> dict[str, Outcome]:
    """By the view's name, what of a step's image comes out."""
    found: dict[str, Outcome] = {}
    for own in (each for each in attempts if each.view.of[0] is step):
        part_of = [
            each
            for each in attempts
            if each.view.name == own.view.name and any(member is step for member in each.view.within)
        ]
        candidates = [image for each in part_of for image in each.found]
        chances = [image for each in part_of if each.unrelated is not None for image in each.unrelated]
        found[own.view.name] = Outcome(
            own.found[0],
            None if own.unrelated is None else own.unrelated[0],
            _nearest(candidates, step.truth),
            _nearest(chances, step.truth) if chances else None,
            len(candidates),
        )
    return found


def _nearest(images: Sequence[Tensor], truth: Tensor) -> Tensor:
    return max(images, key=lambda image: psnr(image, truth))
