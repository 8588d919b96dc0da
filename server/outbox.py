"""What a message holds of its groups: nothing of what the client has, and of what it lacks, the shortest way there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flwr.app import Array

from fedmtl.aggregation import Method
from fedmtl.checkpoints import ServerState
from fedmtl.exchange.codec import encode
from fedmtl.exchange.codecs import Codec
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Version
from fedmtl.privacy.holders import sum_of
from server.holding import Holding
from server.messages import to_array
from server.releases import Release, Releases
from server.roster import Member


@dataclass(frozen=True)
class Parcel:
    """The groups of a message.

    Attributes:
        keep: other values that the client is to keep.
    """

    versions: dict[str, Version]
    arrays: dict[str, Array]
    keep: tuple[str, ...]


class Outbox:
    """Packs messages, and remembers what each client holds.

    Args:
        codec: what differences are sent by.
        state: the server's; releases are kept in it.
    """

    def __init__(self, codec: Codec, method: Method, state: ServerState) -> None:
        self._method, self._state = method, state
        self._releases = Releases(codec, state)
        self._members: dict[str, Member] = {}
        self._holdings: dict[str, Holding] = {}
        self._own: dict[str, Mapping[str, Vector]] = {}

    def publish(self, layouts: Mapping[str, Layout]) -> None:
        """Release the groups as they are now; to be called whenever some may have changed."""
        self._releases.publish(layouts)

    def enlist(self, members: Iterable[Member]) -> None:
        """Take note of what those hold that joined since."""
        for member in members:
            client = member.description.client
            if self._members.get(client) is not member:
                groups = (*member.trains, *member.reads)
                values = {group: self._releases.shared(group).digest for group in groups}
                bases = self._releases.bases(client)
                self._members[client] = member
                self._holdings[client] = Holding.of(values, bases, member.held)

    def pack(
        self, member: Member, groups: Iterable[str], packed: dict[tuple[str, str | None], Array]
    ) -> Parcel:
        """A message's groups.

        Args:
            packed: the arrays of earlier messages; those that are equal are one object in all of them.
        """
        client = member.description.client
        holding, own = self._holdings[client], dict[str, Vector]()
        versions: dict[str, Version] = {}
        arrays: dict[str, Array] = {}
        for group in groups:
            release = self._release(member, group)
            if release is not self._releases.shared(group):
                own[group] = release.vector
            signal = self._signal(member, group)
            if release.digest in holding.retained:
                versions[group] = Version(release.digest, signal=signal)
                continue
            step = release.difference if release.base in holding.retained else None
            key = release.digest, release.base if step else None
            versions[group] = Version(*key, signal)
            if key not in packed:
                packed[key] = to_array(step or encode(release.vector))
            arrays[group] = packed[key]
        self._own[client] = own
        names = {group: version.digest for group, version in versions.items()}
        return Parcel(versions, arrays, holding.send(names, self._releases.bases(client)))

    def confirm(self, client: str, *, trained: bool) -> None:
        """The client's answer to its last message is good; `trained` says which message that was."""
        self._holdings[client].confirm()
        if trained:
            self._releases.accept(client, self._own[client])

    def forget(self, client: str) -> None:
        """The client's answer is not good, or did not come: nobody knows what it holds."""
        self._holdings[client].forget()

    def save(self) -> None:
        """A checkpoint was written: what clients hold now, they are to keep until the next."""
        for holding in self._holdings.values():
            holding.save()

    def _signal(self, member: Member, group: str) -> float:
        return self._state.signal.get(sum_of(self._method, group, member.description.domain).name, 1.0)

    def _release(self, member: Member, group: str) -> Release:
        client, domain = member.description.client, member.description.domain
        vector = self._method.outgoing(self._state.groups, self._state.method, client, group, domain)
        if vector is self._state.groups[group]:
            return self._releases.shared(group)
        return self._releases.own(client, group, vector, {**member.trains, **member.reads}[group])
