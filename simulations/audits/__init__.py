"""Audits: attacks on a scenario or on a run, and what they find. One audit a file."""

from fedmtl.registry import Registry
from simulations.audits.base import Audit

AUDITS: Registry[Audit] = Registry(
    "audit",
    Audit,  # type: ignore[type-abstract]
    "fedmtl.audits",
    {
        "canary": "simulations.audits.canary:Canary",
        "inversion": "simulations.audits.inversion:GradientInversion",
        "membership": "simulations.audits.membership:Membership",
    },
)

__all__ = ["AUDITS", "Audit"]
