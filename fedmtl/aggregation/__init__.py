"""Federated methods: one file each, pure functions over parameter groups; nothing here knows Flower."""

from collections.abc import Mapping
from typing import Any

from fedmtl.aggregation.base import Groups, Method, Policy, Round, State, Update
from fedmtl.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    Method,  # type: ignore[type-abstract]
    "fedmtl.methods",
    {
        "fedavg": "fedmtl.aggregation.fedavg:FedAvg",
        "fedbn": "fedmtl.aggregation.fedbn:FedBN",
        "fedper": "fedmtl.aggregation.fedper:FedPer",
        "fedprox": "fedmtl.aggregation.fedprox:FedProx",
        "local": "fedmtl.aggregation.local:Local",
    },
)


def build_method(options: Mapping[str, Any]) -> Method:
    """The method that a scenario's `method` section describes: its name and its options.

    Raises:
        ConfigError: there is no such method, or it has no such option.
    """
    name = options["name"]
    return METHODS.build(name, {k: v for k, v in options.items() if k != "name"}, "method")


__all__ = ["METHODS", "Groups", "Method", "Policy", "Round", "State", "Update", "build_method"]
