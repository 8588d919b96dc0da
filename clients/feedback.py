"""Error feedback: what a codec leaves out of an update is added to the client's next one.

Seide et al. 2014; Karimireddy et al. 2019, arXiv 1901.09847. What was left out so far is part of the private state, so
a client that goes back to an earlier round goes back to what had been left out by then.
"""

from __future__ import annotations

from collections.abc import Mapping

from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import Codec, codec_of
from fedmtl.exchange.layout import Layout, Vector


def encode_updates(
    updates: Mapping[str, Vector],
    residuals: Mapping[str, Vector],
    layouts: Mapping[str, Layout],
    codec: Codec,
) -> tuple[dict[str, Encoded], dict[str, Vector]]:
    """A round's updates as they travel, and what is left out from now on.

    Args:
        residuals: group → what was left out before; a group that is not in it has left out nothing.

    Returns:
        Of groups that do not travel in this round, the residuals are as they were.

    Raises:
        ExchangeError: an update has values that are not finite.
    """
    encoded, left = {}, dict(residuals)
    for group, update in updates.items():
        layout = layouts[group]
        chosen = codec_of(group, layout, codec)
        if chosen.lossless:
            encoded[group] = chosen.encode(update, layout)
            continue
        wanted = update + residuals[group] if group in residuals else update
        encoded[group] = chosen.encode(wanted, layout)
        left[group] = wanted - chosen.decode(encoded[group], layout)
    return encoded, left
