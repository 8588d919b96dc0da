"""Federated methods: one file each, pure functions over parameter groups; nothing here knows Flower."""

from collections.abc import Mapping
from typing import Any

from fedmtl.aggregation.base import Clock, Groups, Method, Phase, Policy, Round, Start, State, Update
from fedmtl.registry import Registry

METHODS: Registry[Method] = Registry(
    "method",
    Method,  # type: ignore[type-abstract]
    "fedmtl.methods",
    {
        "blend": "fedmtl.aggregation.blend:Blend",
        "conflict-averse": "fedmtl.aggregation.conflict_averse:ConflictAverse",
        "ditto": "fedmtl.aggregation.ditto:Ditto",
        "fedadam": "fedmtl.aggregation.fedadam:FedAdam",
        "fedamp": "fedmtl.aggregation.fedamp:FedAMP",
        "fedavg": "fedmtl.aggregation.fedavg:FedAvg",
        "fedavgm": "fedmtl.aggregation.fedavgm:FedAvgM",
        "fedbn": "fedmtl.aggregation.fedbn:FedBN",
        "fedhca2": "fedmtl.aggregation.fedhca2:FedHCA2",
        "fedper": "fedmtl.aggregation.fedper:FedPer",
        "fedprox": "fedmtl.aggregation.fedprox:FedProx",
        "fedrep": "fedmtl.aggregation.fedrep:FedRep",
        "fedyogi": "fedmtl.aggregation.fedyogi:FedYogi",
        "kinship": "fedmtl.aggregation.kinship:Kinship",
        "krum": "fedmtl.aggregation.krum:Krum",
        "local": "fedmtl.aggregation.local:Local",
        "mat-fl": "fedmtl.aggregation.mat_fl:MaTFL",
        "median": "fedmtl.aggregation.median:Median",
        "multi-krum": "fedmtl.aggregation.multi_krum:MultiKrum",
        "norm-bound": "fedmtl.aggregation.norm_bound:NormBound",
        "pilot": "fedmtl.aggregation.pilot:Pilot",
        "task-conditioned": "fedmtl.aggregation.task_conditioned:TaskConditioned",
        "trimmed-mean": "fedmtl.aggregation.trimmed_mean:TrimmedMean",
    },
)


def build_method(options: Mapping[str, Any]) -> Method:
    """The method that a scenario's `method` section describes: its name and its options.

    Raises:
        ConfigError: there is no such method, or it has no such option.
    """
    name = options["name"]
    return METHODS.build(name, {k: v for k, v in options.items() if k != "name"}, "method")


__all__ = [
    "METHODS",
    "Clock",
    "Groups",
    "Method",
    "Phase",
    "Policy",
    "Round",
    "Start",
    "State",
    "Update",
    "build_method",
]
