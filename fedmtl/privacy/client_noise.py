"""Noise that clients add themselves, a share each, so that not even the server sees a sum without it.

Each adds discrete Gaussian noise to its numbers in the ring of the secure sum (Kairouz, Liu and Steinke 2021, arXiv
2102.06387). A sum is opened with k holders at least, so a client's share has the deviation z_g C_g / √k, and more
holders make more noise. A sum of discrete Gaussians is not quite one, but by less than 1e-400 where each has a
deviation of ten units or more; it is accounted as the continuous one.

Rounding to the ring adds up to ½ to every number, so to a norm √d / 2 at most, in units of the ring: the noise is
larger in the proportion in which the bound then is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind, PrivacyConfig
from fedmtl.errors import ExchangeError
from fedmtl.privacy.client_level import Mechanism
from fedmtl.privacy.discrete_gaussian import discrete_gaussian
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.secure_sum import Setup
from fedmtl.privacy.secure_sum.fixed_point import Means

TAIL = 9.5
"""No value of the noise is ever as many deviations from zero."""
ROOM = 11.0
"""Deviations that the ring has room for, as long as rounding adds less than a seventh to a bound."""
LEAST_SCALE = 10
"""In units of the ring; below, sums of discrete Gaussians are no discrete Gaussian."""


def largest_values(privacy: PrivacyConfig) -> tuple[float, float]:
    """What a client's numbers and its weight are at most; where clients add noise, they are clipped and count alike."""
    if privacy.client.noise is NoiseKind.distributed:
        return privacy.client.clip, 1.0
    return privacy.largest_change, float(privacy.largest_weight)


def margin(mechanism: Mechanism, least_holders: int) -> float:
    """The room for one client's noise, in units of a value."""
    largest = max(map(mechanism.deviation, mechanism.multipliers), default=0.0)
    return ROOM * largest / math.sqrt(least_holders)


class ClientNoise:
    """What one client adds to its numbers in each sum of a round.

    Args:
        multipliers: group → z_g, the deviation of the noise in its sum over its bound.

    Raises:
        ExchangeError: a sum would have no noise, or more than the ring has room for; a whole sentence.
    """

    def __init__(self, setup: Setup, multipliers: Mapping[str, float], config: ClientPrivacyConfig) -> None:
        forms = {name: form for name in setup.groups if isinstance(form := setup.fixed_point(name), Means)}
        rounding = {
            name: math.sqrt(setup.groups[name].size) / (2 * form.scale) for name, form in forms.items()
        }
        together = math.hypot(*rounding.values())
        self._scales: dict[str, int] = {}
        for name, form in forms.items():
            multiplier = multipliers.get(Sum.parse(name).group)
            if multiplier is None:
                continue
            bound = config.clip + (rounding[name] if config.clip_by is ClipKind.group else together)
            scale = math.ceil(multiplier * bound * form.scale / math.sqrt(setup.min_holders))
            if scale < LEAST_SCALE or scale * TAIL > setup.margin * form.scale:
                raise ExchangeError(f"the server's setup has no room for the noise of '{name}'")
            self._scales[name] = scale

    def __call__(self, name: str, size: int) -> NDArray[np.int64]:
        """The noise of `size` numbers in a sum, in units of the ring.

        Raises:
            ExchangeError: the server has said nothing of its noise.
        """
        if name not in self._scales:
            raise ExchangeError(f"the server asks for the sum '{name}' without noise")
        return discrete_gaussian(size, self._scales[name])
