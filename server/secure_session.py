"""One secure round over Flower: sends the messages of `fedmtl.privacy.secure_sum`, collects the answers, and records
who failed at which step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from flwr.app import Message
from flwr.serverapp import Grid

from fedmtl.errors import ExchangeError, TooFewClientsError
from fedmtl.exchange.codec import Encoded, decode
from fedmtl.exchange.envelope import PAYLOAD
from fedmtl.exchange.messages import Payload
from fedmtl.privacy.secure_messages import DealInstruction, RequestInstruction
from fedmtl.privacy.secure_sum import (
    Confirmation,
    Deal,
    Delivery,
    Outcome,
    Request,
    Revealed,
    ServerRound,
    Setup,
    Upload,
)
from server.delivery import deliver
from server.journal import Journal
from server.messages import content_of, message
from server.roster import Roster

P = TypeVar("P", bound=Payload)
_RINGS: Mapping[str, type[np.unsignedinteger]] = {"mean": np.uint32, "statistics": np.uint64}


class SecureSession:
    """A round of secure sums with the clients of a setup.

    What goes to and fro beside the vectors is counted as traffic, but for the instructions to train and to evaluate.

    Args:
        timeout: seconds for each exchange.
    """

    def __init__(self, setup: Setup, grid: Grid, roster: Roster, journal: Journal, timeout: float) -> None:
        self.setup = setup
        self._grid, self._roster, self._journal, self._timeout = grid, roster, journal, timeout
        self._round = ServerRound(setup)
        self._failures: list[str] = []

    def deal(self) -> dict[str, Delivery]:
        """Have every client deal; returns what each of those that did is to be sent of the others.

        Raises:
            TooFewClientsError: too few did for anything to be learned from the round.
        """
        instruction = DealInstruction(self._roster.federation, self.setup.round, self.setup)
        self._ask("deal", dict.fromkeys(self.setup.keys, instruction), Deal, self._round.add_deal)
        if not (deliveries := self._round.deliveries()):
            why = "; ".join(self._failures) or "too few clients"
            raise TooFewClientsError(f"round {self.setup.round} has too few clients for secure sums: {why}")
        return dict(deliveries)

    def upload(self, client: str, upload: Upload, encoded: Mapping[str, Encoded]) -> None:
        """Add a client's masked vectors.

        Raises:
            ExchangeError: they are not as was agreed.
        """
        vectors = {}
        for name, vector in encoded.items():
            if name not in self.setup.groups:
                raise ExchangeError(f"sends the sum '{name}', which was not asked for")
            group = self.setup.groups[name]
            try:
                length = self.setup.fixed_point(name).length(group.size)
                vectors[name] = decode(vector, length, _RINGS[group.kind])
            except ExchangeError as error:
                raise ExchangeError(f"sends a part of '{name}' that {error}") from error
        self._round.add_upload(client, upload, vectors)

    def open(self) -> Outcome:
        """Have the clients take the masks away; nothing to do where no sum has enough clients to begin with.

        Raises:
            TooFewClientsError: too few uploaded or answered; nothing is learned from the round.
        """
        if not self.setup.groups:
            return Outcome({}, {}, {})
        requests = self._round.requests()
        if self.setup.confirm:
            asks = self._instructions(requests)
            self._ask("confirm", asks, Confirmation, self._round.add_confirmation)
            requests = self._round.confirmed_requests()
        self._ask("unmask", self._instructions(requests), Revealed, self._round.add_revealed)
        outcome = self._round.finish()
        if not outcome.sums:
            why = "; ".join(sorted(set(outcome.unchanged.values()) | set(self._failures)))
            raise TooFewClientsError(f"no sum of round {self.setup.round} can be opened: {why}")
        return outcome

    def _instructions(self, requests: Mapping[str, Request]) -> dict[str, RequestInstruction]:
        federation, setup = self._roster.federation, self.setup
        return {
            client: RequestInstruction(federation, setup.round, setup.attempt, request)
            for client, request in requests.items()
        }

    def _ask(
        self, phase: str, asks: Mapping[str, Payload], kind: type[P], take: Callable[[str, P], None]
    ) -> None:
        """Send each client its message and take the answers; who does not answer well is no part of what follows."""
        members = {
            client: self._roster.members[client] for client in sorted(asks) if client in self._roster.members
        }
        messages = [
            message(member.node, f"query.{phase}", asks[client], ttl=self._timeout)
            for client, member in members.items()
        ]
        replies = deliver(self._grid, messages, self._timeout)
        for client, asked, reply in zip(members, messages, replies, strict=True):
            try:
                text, _ = content_of(reply)
                self._roster.signatures.check(client, reply)
                take(client, kind.from_json(text))
                self._journal.spoken(up=_text_size(reply), down=_text_size(asked))
            except ExchangeError as error:
                self._journal.failure(client, phase, str(error))
                self._failures.append(f"{client} {error}")


def _text_size(message_: Message) -> int:
    return len(str(message_.content[PAYLOAD]["json"]))
