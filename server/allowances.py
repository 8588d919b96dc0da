"""How many bytes a site may push in answer to a question, whatever number of objects they come in.

Flower bounds neither: a reply is a tree of objects of any number, which SuperLink stores as they come, and which the
ServerApp holds in memory together. What is asked says how much may come back, in a field of Flower's that travels to
the gateway and is the server's own word there: a message's group id.
"""

from __future__ import annotations

import binascii
from base64 import b64decode

from flwr.proto.fleet_pb2 import PullMessagesResponse

ROOM = 8 * 2**20
"""Bytes that any answer may have: its JSON, Flower's own objects, and what a lost connection made a site push again."""
BYTES_A_VALUE = 8
"""Of float64 statistics, and of a place and a value; updates need 4, so a whole one can be pushed twice."""
BEFORE = 4 * 2**30
"""Bytes that all sites together may push that were asked before this process began, and not again since."""


def largest_reply(values: int) -> int:
    """The bytes that an answer with `values` numbers in it may come to."""
    return ROOM + BYTES_A_VALUE * values


def node_of(public_key: bytes) -> bytes:
    """What a node is known by: its header's key, decoded as SuperLink does, for base64 can be written in many ways."""
    try:
        return b64decode(public_key, validate=True)
    except binascii.Error:
        return b""


class Allowance:
    """What may still be pushed in answer to one question.

    Args:
        bytes: in all.
    """

    def __init__(self, bytes: int) -> None:
        self._left = bytes

    def take(self, size: int) -> bool:
        """Whether `size` bytes more may be pushed, which then count."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """They did not get through after all."""
        self._left += size


class Allowances:
    """Each node's, by its newest question."""

    def __init__(self) -> None:
        self._of_node: dict[bytes, Allowance] = {}
        self._before = Allowance(BEFORE)

    def of(self, node: bytes) -> Allowance:
        """What `node` may push now."""
        return self._of_node.get(node, self._before)

    def note(self, node: bytes, answer: bytes) -> None:
        """SuperLink gives `node` the messages in `answer`: it may push what these allow, and nothing of before."""
        asked = PullMessagesResponse.FromString(answer).messages_list
        if asked:
            self._of_node[node] = Allowance(sum(_allowed(message.metadata.group_id) for message in asked))


def _allowed(told: str) -> int:
    return int(told) if told.isdecimal() else ROOM
