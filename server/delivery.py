"""Sending a round's messages and taking the replies one at a time, in the order of the messages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Event

from flwr.app import Error, Message
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

from server.early_replies import EarlyReplies

POLL_SECONDS = 0.05
"""How soon an empty pull is repeated; the wait doubles up to `POLL_LIMIT` while nothing comes."""
POLL_LIMIT = 1.0
PULLED_AT_ONCE = 8
"""Replies; Flower holds all of one pull in memory."""
NO_ANSWER = 1001
"""The code of the error that stands for a reply that did not come, or came from elsewhere."""
_LOST = frozenset(
    {
        NO_ANSWER,
        ErrorCode.MESSAGE_UNAVAILABLE,
        ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
        ErrorCode.NODE_UNAVAILABLE,
        ErrorCode.CLIENT_APP_CRASHED,
    }
)


def deliver(grid: Grid, messages: Sequence[Message], timeout: float) -> Iterator[Message]:
    """Push `messages` and yield one reply to each, in their order, each as soon as it can be.

    The order makes a fold the same whatever arrives first; a reply that comes early waits here, and is forgotten
    when it is yielded. A few are pulled at a time, and none that can still wait where it is; but Flower forgets what
    is not pulled before the deadline, so in the second half of that time all that is there is taken. A reply that has
    not come `timeout` seconds after the push, or whose sender is not the node that was asked, becomes an error; so, at
    once, does that to a message that SuperLink did not take. Errors are given the asked node as sender: Flower sends
    that of a vanished node under another id.

    The deadline counts only while nothing arrives, so an engine that computes inside `pull_messages` is never
    cut short.

    Raises:
        RunError: there is no room on disk for early replies that do not fit into memory.
    """
    ids = _push(grid, messages)
    began = time.monotonic()
    deadline, hurry = began + timeout, began + timeout / 2
    wait, pause = POLL_SECONDS, Event()
    with closing(EarlyReplies()) as arrived:
        for i, (message_id, asked) in enumerate(zip(ids, messages, strict=True)):
            if not message_id:
                yield _error(asked, "was not asked: SuperLink did not take the message to it")
                continue
            while message_id not in arrived:
                open_ids = [other for other in ids[i:] if other and other not in arrived]
                at_once = PULLED_AT_ONCE if time.monotonic() < hurry else len(open_ids)
                if _pull(grid, open_ids, arrived, at_once):
                    wait = POLL_SECONDS
                elif time.monotonic() >= deadline:
                    arrived.put(message_id, _error(asked, f"did not answer within {timeout:g} s"))
                else:
                    pause.wait(min(wait, max(deadline - time.monotonic(), 0)))
                    wait = min(2 * wait, POLL_LIMIT)
            yield _attributed(arrived.take(message_id), asked)


def _push(grid: Grid, messages: Sequence[Message]) -> list[str]:
    """The id of each message, in their order; empty for one that SuperLink did not take.

    It takes none to a node that was unregistered in the meantime. Of messages that together are too large for it,
    Flower gives no ids at all.
    """
    ids = list(grid.push_messages(messages))
    return ids + [""] * (len(messages) - len(ids))


def _pull(grid: Grid, open_ids: Sequence[str], arrived: EarlyReplies, at_once: int) -> bool:
    """Whether anything arrived. All are asked for, `at_once` at a time, until the first of them is there."""
    found = False
    for begin in range(0, len(open_ids), at_once):
        for reply in grid.pull_messages(open_ids[begin : begin + at_once]):
            arrived.put(reply.metadata.reply_to_message_id, reply)
            found = True
        if open_ids[0] in arrived:
            break
    return found


def is_lost(reply: Message) -> bool:
    """Whether the client never got to answer, so that asking it again may help."""
    return reply.has_error() and reply.error.code in _LOST


def _attributed(reply: Message, asked: Message) -> Message:
    if reply.has_error():
        return Message(reply.error, reply_to=asked)
    if reply.metadata.src_node_id != asked.metadata.dst_node_id:
        return _error(asked, f"was answered for by node {reply.metadata.src_node_id}")
    return reply


def _error(asked: Message, reason: str) -> Message:
    return Message(Error(NO_ANSWER, reason), reply_to=asked)
