"""What is wrong with `privacy.client`, as far as that can be said before anything runs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fedmtl.config.privacy import ClipKind, NoiseKind, PrivacyConfig


def broken_client_privacy(privacy: PrivacyConfig) -> Iterable[tuple[str, str]]:
    """(key, the end of a sentence) for each rule that does not hold."""
    config = privacy.client
    above_zero = {
        "multiplier": config.multiplier,
        "epsilon": config.epsilon,
        "clip": config.clip,
        **{f"shares.{pattern}": share for pattern, share in config.shares.items()},
    }
    for name, value in above_zero.items():
        if value is not None and not 0 < value < math.inf:
            yield f"privacy.client.{name}", f"must be above 0, and finite, not {value}"
    if not 0 < config.delta < 1:
        yield "privacy.client.delta", f"must be in (0, 1), not {config.delta}"
    if config.adaptive_quantile is not None and not 0 < config.adaptive_quantile < 1:
        yield "privacy.client.adaptive_quantile", f"must be in (0, 1), not {config.adaptive_quantile}"
    if config.noise is NoiseKind.none:
        return
    if config.multiplier is None and config.epsilon is None:
        yield (
            "privacy.client.noise",
            "needs privacy.client.multiplier or privacy.client.epsilon to say how much",
        )
    if config.shares and config.clip_by is ClipKind.flat:
        yield (
            "privacy.client.shares",
            "divide the budget among groups that are clipped one by one: set privacy.client.clip_by=group",
        )
    if config.noise is NoiseKind.distributed and not privacy.secure_sums:
        yield (
            "privacy.client.noise",
            "distributed hides in sums what is too little for one client: set privacy.secure_sums=true",
        )
    if config.noise is NoiseKind.central and privacy.secure_sums:
        yield (
            "privacy.client.noise",
            "central is added by a server that sees updates, which privacy.secure_sums keeps from it: set distributed",
        )
    if config.noise is NoiseKind.distributed and config.adaptive_quantile is not None:
        yield (
            "privacy.client.adaptive_quantile",
            "needs a server that sees norms: set privacy.client.noise=central",
        )
