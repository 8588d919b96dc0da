"""Whether a plan can be carried out: the one check before a run is asked for, begun, or taken part in."""

from __future__ import annotations

from fedmtl.aggregation import Method, Policy, build_method
from fedmtl.aggregation.robust import Robust
from fedmtl.config import Plan
from fedmtl.config.privacy import NoiseKind
from fedmtl.errors import ConfigError
from fedmtl.exchange.codecs import build_codec

STATISTICS = "norm_stats"
"""Counters and variances, which can be neither masked nor noised: a little off, they are no longer either."""


def check_plan(plan: Plan) -> Method:
    """Look at a plan's method and codecs, and at what its privacy settings ask of them.

    Returns:
        the plan's method.

    Raises:
        ConfigError: there is no such method, codec or option, or the method or the codec needs what is hidden.
    """
    method = build_method(plan.method)
    build_codec(plan.exchange.up, "exchange.up")
    build_codec(plan.exchange.down, "exchange.down")
    if plan.privacy.secure_sums:
        check_sums(plan, method, "privacy.secure_sums")
        _check_buckets(plan, method)
    check_client_privacy(plan, method)
    return method


def check_sums(plan: Plan, method: Method, why: str) -> None:
    """Look at what has to be so wherever updates are seen as sums alone.

    Args:
        why: the setting that asks for it.

    Raises:
        ConfigError: the method needs each client's update or statistics, or the codec cannot be added up.
    """
    name = plan.method["name"]
    if not method.needs_only_sums:
        raise ConfigError(
            f"method.name: '{name}' needs every client's own update, and with {why} there are only sums: take one "
            "that needs only sums, such as fedavg, fedadam, fedprox or blend"
        )
    if method.policy(STATISTICS) is Policy.shared:
        raise ConfigError(
            f"method.name: '{name}' shares '{STATISTICS}', which {why} cannot hide: add it to method.private"
        )
    if (codec := plan.exchange.up["name"]) != "fp32":
        raise ConfigError(
            f"exchange.up: what '{codec}' encodes cannot be added up under {why}: set exchange.up.name=fp32"
        )


def _check_buckets(plan: Plan, method: Method) -> None:
    """Refuse sums of fewer clients than a secure sum has: nobody would ever open one, and nothing would be trained."""
    least = plan.privacy.least_holders
    if isinstance(method, Robust) and method.bucket < least:
        raise ConfigError(
            f"method.bucket: is {method.bucket}, and with privacy.secure_sums a sum has privacy.min_holders, {least}, "
            f"clients at least: set method.bucket={least}"
        )


def check_client_privacy(plan: Plan, method: Method) -> None:
    """Look at what has to be so where clients' updates are noised.

    Raises:
        ConfigError: the method needs more than one weighted sum of a group, or the codec carries over to a later
            round what clipping has cut off.
    """
    if plan.privacy.client.noise is NoiseKind.none:
        return
    if (codec := plan.exchange.up["name"]) != "fp32":
        raise ConfigError(
            f"exchange.up: what '{codec}' leaves out of a client's update comes with its next, beyond what that is "
            "clipped to: set exchange.up.name=fp32 with privacy.client.noise"
        )
    check_sums(plan, method, "privacy.client.noise")
    if not method.streaming:
        raise ConfigError(
            f"method.name: '{plan.method['name']}' compares sums, and with privacy.client.noise there is one of each "
            "group: take one that needs a weighted mean, such as fedavg, fedadam, fedprox or blend"
        )
