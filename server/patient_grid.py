"""A grid on which a reply that is still on its way keeps nobody waiting but those who want that reply."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition, Thread

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run

PATIENCE = 2.0
"""Seconds that a pull waits for what it is the first to ask for."""


class PatientGrid(Grid):
    """Flower's grid, but each reply is pulled by itself, on a thread of its own.

    A site announces its reply and then uploads it, and from the announcement on Flower's pull waits for the rest, for
    up to two hours, with every other reply that it was to bring. Over a slow line that would hold the round up beyond
    its deadline, and lose what other sites have sent.

    Args:
        grid: Flower's; whatever is not about messages is its own.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._changed = Condition()
        self._delivery = object()
        self._under_way: set[str] = set()
        self._arrived: dict[str, Message] = {}
        self._failed: list[BaseException] = []

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages. What is still under way of replies to earlier ones came too late, and is forgotten."""
        with self._changed:
            self._delivery = object()
            for past in (self._under_way, self._arrived, self._failed):
                past.clear()
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Those replies to these messages that are there as a whole.

        Raises:
            Exception: what Flower raises.
        """
        wanted = set(message_ids)
        with self._changed:
            new = wanted - self._under_way - self._arrived.keys()
            self._under_way |= new
            for message_id in new:
                Thread(target=self._pull, args=(message_id, self._delivery), daemon=True).start()
            self._changed.wait_for(lambda: self._failed or not new & self._under_way, PATIENCE)
            if self._failed:
                raise self._failed.pop()
            return [self._arrived.pop(message_id) for message_id in wanted & self._arrived.keys()]

    def _pull(self, message_id: str, delivery: object) -> None:
        found: Message | BaseException | None
        try:
            found = next(iter(self._grid.pull_messages([message_id])), None)
        except BaseException as error:  # raised again where the reply was asked for
            found = error
        with self._changed:
            if delivery is not self._delivery:
                return
            self._under_way.discard(message_id)
            if isinstance(found, BaseException):
                self._failed.append(found)
            elif found is not None:
                self._arrived[message_id] = found
            self._changed.notify_all()

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        return self._grid.send_and_receive(messages, timeout=timeout)

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        return self._grid.get_node_ids()

    def set_run(self, run: Run) -> None:
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
        return self._grid.run
