"""What malicious clients of a simulation do: one attack a file. A deployed site has no setting for it."""

from collections.abc import Mapping
from typing import Any

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.registry import Registry

ATTACKS: Registry[Attack] = Registry(
    "attack",
    Attack,
    "fedmtl.attacks",
    {
        "alie": "fedmtl.attacks.alie:Alie",
        "canary": "fedmtl.attacks.canary:Canary",
        "gaussian": "fedmtl.attacks.gaussian:Gaussian",
        "inner-product": "fedmtl.attacks.inner_product:InnerProduct",
        "label-flip": "fedmtl.attacks.label_flip:LabelFlip",
        "not-finite": "fedmtl.attacks.not_finite:NotFinite",
        "scaled": "fedmtl.attacks.scaled:Scaled",
        "sign-flip": "fedmtl.attacks.sign_flip:SignFlip",
    },
)


def build_attack(options: Mapping[str, Any], where: str) -> Attack | None:
    """The attack that a client's `attack` section describes, its name and its options; None where it is empty.

    Args:
        where: the config key that it stands under, for messages.

    Raises:
        ConfigError: there is no such attack, or it has no such option.
    """
    if not options:
        return None
    if not isinstance(options.get("name"), str):
        raise ConfigError(f"{where}.name is not set; {did_you_mean('', ATTACKS)}")
    rest = {key: value for key, value in options.items() if key != "name"}
    return ATTACKS.build(options["name"], rest, where)


__all__ = ["ATTACKS", "Attack", "Occasion", "build_attack"]
