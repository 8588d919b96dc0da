"""Flower's SuperNode, with a remedy: it answers each message before it asks for the next.

A SuperNode of flwr 1.41 that is told, while it receives a message, that the message's run has ended (as after
`fedmtl deploy stop`, or when SuperLink was killed) ignores the message and yet leaves it to the ClientApp. The reply
to it is then taken for that to the next message, whose own stays behind until yet another message comes: from then on
every answer is one message late, and the server waits in vain. So whenever a message was received, replies are sent
until that to this very message is among them.

Usage: as flower-supernode.
"""

from __future__ import annotations

from typing import Any

from flwr.supernode import start_client_internal
from flwr.supernode.cli.flower_supernode import flower_supernode


class Turns:
    """The two steps of Flower's loop, receiving and sending, in place of its own."""

    def __init__(self) -> None:
        self._receive = start_client_internal._pull_and_store_message
        self._send = start_client_internal._push_messages
        self._open = ""

    def receive(self, *, receive: Any, **others: Any) -> int | None:
        """Flower's `_pull_and_store_message`; remembers the message that it received."""

        def noting() -> Any:
            received = receive()
            if received is not None:
                self._open = received[0].metadata.message_id
            return received

        return self._receive(receive=noting, **others)

    def send(self, *, send: Any, **others: Any) -> None:
        """Flower's `_push_messages`, until the message that was received last has been replied to."""
        replied: set[str] = set()

        def noting(message: Any, *rest: Any) -> Any:
            replied.add(message.metadata.reply_to_message_id)
            return send(message, *rest)

        while self._open not in replied:
            self._send(send=noting, **others)


def main() -> None:
    """Run the SuperNode."""
    turns = Turns()
    vars(start_client_internal).update(_pull_and_store_message=turns.receive, _push_messages=turns.send)
    flower_supernode()


if __name__ == "__main__":
    main()
