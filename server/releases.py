"""The values that clients are sent, which with a lossy codec are not the server's own, but those that steps reach.

Whenever a group has changed, its release takes one step from the last one towards the group, and what the codec left
out of the step is part of the next: error feedback. A release depends on the groups alone and not on who was sent what,
so a client that missed some steps is sent the newest release whole, and has the same bits as everybody else.

Where a method sends a client values of its own, the step goes from those that the client last trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from fedmtl.checkpoints import ServerState
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import Codec, codec_of
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.versions import digest, encode_difference


@dataclass(frozen=True)
class Release:
    """A group's values for clients.

    Attributes:
        base: the digest of the values that `difference` leads on from; None where there is no such way.
    """

    vector: Vector
    digest: str
    base: str | None = None
    difference: Encoded | None = None


class Releases:
    """The newest release of every group.

    Memory: with a lossy codec, a copy of every group and one of its last step; where clients are sent values of their
    own, a copy of those a client. The copies are part of the state.
    """

    def __init__(self, codec: Codec, state: ServerState) -> None:
        self._codec, self._state = codec, state
        self._shared: dict[str, Release] = {}
        self._sources: dict[str, Vector] = {}

    def publish(self, layouts: Mapping[str, Layout]) -> None:
        """Release the groups as they are now; what has not changed stays released."""
        for group, vector in self._state.groups.items():
            last = self._shared.get(group)
            if last is None:
                values = self._state.released.get(group, vector)
                self._shared[group] = Release(values, digest(values))
            elif vector is not self._sources[group]:
                self._shared[group] = self._step(group, vector, last, layouts[group])
            self._sources[group] = vector
            self._state.released[group] = self._shared[group].vector

    def shared(self, group: str) -> Release:
        """What everybody is sent."""
        return self._shared[group]

    def own(self, client: str, group: str, vector: Vector, layout: Layout) -> Release:
        """What one client is sent where the method has `vector` for it and nobody else."""
        trained = self._state.trained.get(f"{client}/{group}")
        last = self._shared[group] if trained is None else Release(trained, digest(trained))
        return self._step(group, vector, last, layout)

    def accept(self, client: str, values: Mapping[str, Vector]) -> None:
        """Go on from these values, which the client was sent as its own, and has trained."""
        if not self._codec.lossless:
            self._state.trained.update({f"{client}/{group}": vector for group, vector in values.items()})

    def bases(self, client: str) -> tuple[str, ...]:
        """The digests of the values that the client's next own ones are a step from."""
        prefix = f"{client}/"
        return tuple(
            digest(values) for name, values in self._state.trained.items() if name.startswith(prefix)
        )

    def _step(self, group: str, vector: Vector, last: Release, layout: Layout) -> Release:
        codec = codec_of(group, layout, self._codec)
        if not codec.lossless:
            with suppress(ExchangeError):  # float32 has no such difference
                difference, reached = encode_difference(vector, last.vector, codec, layout)
                shorter = len(difference.data) < 4 * layout.size
                way = (last.digest, difference) if shorter else ()
                return Release(reached, digest(reached), *way)
        return Release(vector, digest(vector))
