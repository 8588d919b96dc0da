"""What secure sums cost: seconds of each side of a round, and all bytes that a client sends.

One group that all clients hold, and one of them drops out after it has dealt its shares, so that its masks have to be
taken away. Each client is timed by itself, as it has a machine of its own. All in one thread and without a wire;
messages are encoded and decoded as they would be.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from fedmtl.privacy.secure_sum import (
    ClientRound,
    Confirmation,
    Deal,
    Delivery,
    Group,
    Keyring,
    Request,
    Revealed,
    ServerRound,
    Setup,
    Upload,
    Weighted,
)
from simulations.benchmarks.settings import refuse_settings

GROUP = "backbone"
LARGEST = {"largest_change": 8.0, "largest_weight": 1000.0}


class Measured(NamedTuple):
    """A round.

    Attributes:
        seconds: side → seconds; of the clients that stay, together.
        bytes_up: of one of them.
        error: of a value of the mean, at most.
    """

    seconds: Mapping[str, float]
    bytes_up: int
    error: float


def run(
    overrides: Sequence[str] = (), *, parameters: int = 10_000_000, clients: int = 5, repeats: int = 5
) -> list[dict[str, Any]]:
    """Rows: side, clients, dropped, parameters, seconds, and bytes_up, bytes_a_parameter or error.

    Sides are `client`, one of those that stay; `server`; and `plain`, the server's sum of unmasked float32 vectors.
    Seconds are medians over rounds. `error` is that of a value of the mean, at most, against float64.

    Raises:
        ConfigError: there are overrides.
    """
    refuse_settings("secure-sums", overrides)
    rounds = [measure(parameters, clients) for _ in range(repeats)]
    facts = {"clients": clients, "dropped": 1, "parameters": parameters}
    seconds = {side: median(one.seconds[side] for one in rounds) for side in ("client", "server", "plain")}
    up = max(one.bytes_up for one in rounds)
    client = {
        "seconds": seconds["client"] / (clients - 1),
        "bytes_up": up,
        "bytes_a_parameter": up / parameters,
    }
    return [
        {"side": "client", **facts, **client},
        {"side": "server", **facts, "seconds": seconds["server"], "error": max(one.error for one in rounds)},
        {"side": "plain", **facts, "seconds": seconds["plain"]},
    ]


def measure(parameters: int, clients: int) -> Measured:
    """Run one round, in which the first client drops out."""
    names = tuple(f"client-{i:03}" for i in range(clients))
    rings = {name: Keyring.create("benchmark", name) for name in names}
    keys = {name: ring.public_key() for name, ring in rings.items()}
    groups = {GROUP: Group(names, parameters)}
    setup = Setup.create("benchmark", 1, keys, groups, min_holders=3, confirm=True, **LARGEST)
    server, states, clock, up = ServerRound(setup), {}, defaultdict[str, float](float), Counter[str]()
    for name in names:
        with _timed(clock, "client" if name != names[0] else "dropped"):
            states[name], deal = ClientRound.deal(rings[name], setup)
            text = deal.to_json()
        with _timed(clock, "server"):
            server.add_deal(name, Deal.from_json(text))
        up[name] += len(text)
    with _timed(clock, "server"):
        deliveries = {name: delivery.to_json() for name, delivery in server.deliveries().items()}
    plain, weights = np.zeros(parameters), 0.0
    for i, name in enumerate(names[1:]):
        values = np.float32(1e-2) * np.random.default_rng(i).standard_normal(parameters, np.float32)
        with _timed(clock, "client"):
            states[name].receive(Delivery.from_json(deliveries[name]))
            upload, vectors = states[name].mask({GROUP: Weighted(100.0 + i, values)})
            text = upload.to_json()
        with _timed(clock, "server"):
            server.add_upload(name, Upload.from_json(text), vectors)
        with _timed(clock, "plain"):
            plain += (100.0 + i) * values
            weights += 100.0 + i
        up[name] += len(text) + sum(vector.nbytes for vector in vectors.values())
    with _timed(clock, "server"):
        asked = {name: request.to_json() for name, request in server.requests().items() if name != names[0]}
    for name, question in asked.items():
        with _timed(clock, "client"):
            text = states[name].confirm(Request.from_json(question)).to_json()
        with _timed(clock, "server"):
            server.add_confirmation(name, Confirmation.from_json(text))
        up[name] += len(text)
    with _timed(clock, "server"):
        asked = {name: request.to_json() for name, request in server.confirmed_requests().items()}
    for name, question in asked.items():
        with _timed(clock, "client"):
            text = states[name].unmask(Request.from_json(question)).to_json()
        with _timed(clock, "server"):
            server.add_revealed(name, Revealed.from_json(text))
        up[name] += len(text)
    with _timed(clock, "server"):
        mean = server.finish().sums[GROUP].mean
    with _timed(clock, "plain"):
        plain /= weights
    return Measured(clock, max(up.values()), float(np.abs(mean - plain).max()))


@contextmanager
def _timed(clock: dict[str, float], side: str) -> Iterator[None]:
    """Add the seconds of a block to a side's."""
    began = time.perf_counter()
    yield
    clock[side] += time.perf_counter() - began
