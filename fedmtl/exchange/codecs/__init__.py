"""Codecs: what a group's vector is on the wire; one file each."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from fedmtl.config import ExchangeConfig
from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codecs.base import Codec
from fedmtl.exchange.codecs.fp32 import Fp32
from fedmtl.exchange.layout import Layout
from fedmtl.registry import Registry

CODECS: Registry[Codec] = Registry(
    "codec",
    Codec,  # type: ignore[type-abstract]
    "fedmtl.codecs",
    {
        "bf16": "fedmtl.exchange.codecs.bf16:Bf16",
        "fp32": "fedmtl.exchange.codecs.fp32:Fp32",
        "int8": "fedmtl.exchange.codecs.int8:Int8",
        "topk": "fedmtl.exchange.codecs.topk:TopK",
    },
)
EXACT = frozenset({"norm_stats"})
"""Groups that always travel as fp32: a variance must not become negative, and a counter is a whole number."""


def build_codec(options: Mapping[str, Any], where: str) -> Codec:
    """The codec that a scenario's `exchange.up` or `exchange.down` describes: its name and its options.

    Args:
        where: that key, for messages.

    Raises:
        ConfigError: there is no such codec, or it has no such option.
    """
    name = options.get("name")
    if not isinstance(name, str):
        raise ConfigError(f"{where}.name is not set; known: {', '.join(CODECS)}")
    if ":" in name:
        # Clients would import it at the server's word.
        raise ConfigError(
            f"{where}.name: the codec '{name}' must be registered as an entry point to be shared"
        )
    return CODECS.build(name, {key: value for key, value in options.items() if key != "name"}, where)


def codec_of(group: str, layout: Layout, codec: Codec) -> Codec:
    """What a group travels by where `codec` is agreed on: some groups are always exact."""
    whole = any(np.issubdtype(np.dtype(entry.dtype), np.integer) for entry in layout.entries)
    return Fp32() if whole or group in EXACT else codec


def known_tags() -> tuple[str, ...]:
    """The tag of every codec that this installation has."""
    return tuple(CODECS[name].tag for name in CODECS)


def check_known(tags: Collection[str], exchange: ExchangeConfig) -> None:
    """Refuse a client that does not know what was agreed on.

    Args:
        tags: of the codecs that the client knows.

    Raises:
        ExchangeError: the end of a sentence about the client.
    """
    for way, options in (("up", exchange.up), ("down", exchange.down)):
        for tag in (Fp32.tag, build_codec(options, f"exchange.{way}").tag):
            if tag not in tags:
                known = ", ".join(sorted(tags)) or "none"
                raise ExchangeError(
                    f"does not know codec {tag} (exchange.{way}); it knows {known}: "
                    "install the server's fedmtl there, or choose another codec"
                )


__all__ = ["CODECS", "Codec", "Fp32", "build_codec", "check_known", "codec_of", "known_tags"]
