"""What one message costs on the wire, by codec: bytes, and seconds of our coding and of Flower's packing.

The message is one client's update of a whole model; what goes down has the same size. A round of N clients is N of
them up, decoded one by one, and N down, encoded once where all are sent the same values.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from flwr.app import ArrayRecord, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents

from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import CODECS, build_codec, codec_of
from fedmtl.exchange.envelope import VECTORS
from server.blueprint import Blueprint
from server.messages import to_array
from simulations.benchmarks.replies import parameters, pooled_update


def wire_rows(model: Blueprint, threads: int, repeats: int) -> list[dict[str, Any]]:
    """Rows: codec, clients (1), parameters, threads, bytes, of_fp32, encode_, decode_, pack_ and unpack_seconds.

    Decoding includes every check of what arrived. Packing is Flower's: it cuts the arrays into chunks, hashes each,
    and puts them together again; files and sockets are not in it.
    """
    rows = [_row(model, name, repeats) for name in CODECS]
    whole = next(row["bytes"] for row in rows if row["codec"] == "fp32")
    facts = {"clients": 1, "parameters": parameters(model), "threads": threads}
    return [{"codec": row.pop("codec"), **facts, **row, "of_fp32": row["bytes"] / whole} for row in rows]


def _row(model: Blueprint, name: str, repeats: int) -> dict[str, Any]:
    codec = build_codec({"name": name}, "codec")
    codecs = {group: codec_of(group, layout, codec) for group, layout in model.layouts.items()}
    update = {group: pooled_update(layout, 0) for group, layout in model.layouts.items()}

    def encode() -> dict[str, Encoded]:
        return {group: codecs[group].encode(update[group], layout) for group, layout in model.layouts.items()}

    encoded = encode()

    def decode() -> object:
        return [codecs[group].decode(encoded[group], layout) for group, layout in model.layouts.items()]

    def pack() -> tuple[str, dict[str, bytes]]:
        content = RecordDict({VECTORS: ArrayRecord({group: to_array(one) for group, one in encoded.items()})})
        objects = get_all_nested_objects(content)
        return content.object_id, {object_id: one.deflate() for object_id, one in objects.items()}

    object_id, packed = pack()

    def unpack() -> object:
        return inflate_object_from_contents(object_id, dict(packed))

    calls = {"encode": encode, "decode": decode, "pack": pack, "unpack": unpack}
    return {
        "codec": name,
        "bytes": sum(len(one.data) for one in encoded.values()),
        **{f"{what}_seconds": _median_seconds(call, repeats) for what, call in calls.items()},
    }


def _median_seconds(call: Callable[[], object], repeats: int) -> float:
    call()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
