"""The Flower ClientApp: messages in, messages out."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp

from clients.failures import CLIENT_ERROR, reason_of
from clients.node import site_of
from clients.participant import Participant
from clients.secure_participant import SecureParticipant
from clients.site import Site
from fedmtl.errors import ExchangeError, FedmtlError, RefusalError
from fedmtl.exchange.codec import Encoded, encode
from fedmtl.exchange.envelope import PAYLOAD, SIGNATURE, VECTORS, unpack
from fedmtl.exchange.messages import EvaluateInstruction, Federation, Inquiry, Instruction, Payload
from fedmtl.exchange.signature import sign
from fedmtl.privacy.secure_messages import (
    DealInstruction,
    RequestInstruction,
    SecureEvaluateInstruction,
    SecureInstruction,
)
from fedmtl.snapshots import Snapshots

logger = logging.getLogger(__name__)

CACHED_PARTICIPANTS = 64
"""Clients whose network and decoded images one process keeps between rounds."""
CACHED_AT_A_SITE = 2
"""The same at a deployed site, where the server decides how many runs there are."""

app = ClientApp()
_participants: OrderedDict[tuple[Path, Federation], Participant | SecureParticipant] = OrderedDict()

Answer = tuple[Payload, Mapping[str, Encoded]]
Handler = Callable[[Message, Site, Snapshots], Answer]


def _answering(handler: Handler) -> Callable[[Message, Context], Message]:
    """A Flower handler from one that returns a payload and vectors; our own errors become error replies."""

    def handle(message: Message, context: Context) -> Message:
        try:
            site, private = site_of(context)
            payload, vectors = handler(message, site, private)
        except FedmtlError as error:
            # What fedmtl says names paths and data, which a site's server must not hear of.
            deployed = "site" in context.node_config
            logger.log(
                logging.WARNING if deployed else logging.DEBUG, "answering with an error", exc_info=True
            )
            reason = reason_of(error) if deployed else str(error)
            return Message(Error(CLIENT_ERROR, reason), reply_to=message)
        arrays = {name: Array(v.dtype, v.shape, v.stype, v.data) for name, v in vectors.items()}
        record = ConfigRecord({"json": payload.to_json()})
        content = RecordDict({PAYLOAD: record, VECTORS: ArrayRecord(arrays)})
        if site.key:
            question, kind = message.metadata.message_id, message.metadata.message_type
            record[SIGNATURE] = sign(site.key, question, kind, payload.to_json(), unpack(content)[1])
        return Message(content, reply_to=message)

    return handle


@app.query("describe")
@_answering
def describe(message: Message, site: Site, private: Snapshots) -> Answer:
    """Say who this client is and what it has; broken data is refused here, before anything trains on it."""
    text, _ = unpack(message.content)
    return site.describe(Inquiry.from_json(text)), {}


@app.query("join")
@_answering
def join(message: Message, site: Site, private: Snapshots) -> Answer:
    """Build the model of the federation and say which groups it has."""
    text, _ = unpack(message.content)
    return _participant(site, private, Federation.from_json(text)).membership(), {}


@app.query("deal")
@_answering
def deal(message: Message, site: Site, private: Snapshots) -> Answer:
    """Begin a round of secure sums."""
    text, _ = unpack(message.content)
    instruction = DealInstruction.from_json(text)
    return _secure(site, private, instruction.federation).deal(instruction), {}


@app.train()
@_answering
def train(message: Message, site: Site, private: Snapshots) -> Answer:
    """Train one round."""
    text, vectors = unpack(message.content)
    instruction = Instruction.from_json(text)
    return _plain(site, private, instruction.federation).train(instruction, vectors)


@app.train("secure")
@_answering
def train_secure(message: Message, site: Site, private: Snapshots) -> Answer:
    """Train one round; the answer is masked."""
    text, vectors = unpack(message.content)
    instruction = SecureInstruction.from_json(text)
    return _secure(site, private, instruction.federation).train(instruction, vectors)


@app.evaluate()
@_answering
def evaluate(message: Message, site: Site, private: Snapshots) -> Answer:
    """Evaluate on this client's validation images, and its test images where it is asked to."""
    text, vectors = unpack(message.content)
    instruction = EvaluateInstruction.from_json(text)
    report, statistics = _plain(site, private, instruction.federation).evaluate(instruction, vectors)
    return report, {name: encode(vector) for name, vector in statistics.items()}


@app.evaluate("secure")
@_answering
def evaluate_secure(message: Message, site: Site, private: Snapshots) -> Answer:
    """Evaluate; the answer is masked."""
    text, vectors = unpack(message.content)
    instruction = SecureEvaluateInstruction.from_json(text)
    return _secure(site, private, instruction.federation).evaluate(instruction, vectors)


@app.query("confirm")
@_answering
def confirm(message: Message, site: Site, private: Snapshots) -> Answer:
    """Tell the others of a round of secure sums what this client was told."""
    text, _ = unpack(message.content)
    instruction = RequestInstruction.from_json(text)
    return _secure(site, private, instruction.federation).confirm(instruction), {}


@app.query("unmask")
@_answering
def unmask(message: Message, site: Site, private: Snapshots) -> Answer:
    """Give the shares that open the sums of a round."""
    text, _ = unpack(message.content)
    instruction = RequestInstruction.from_json(text)
    return _secure(site, private, instruction.federation).unmask(instruction), {}


def _plain(site: Site, private: Snapshots, federation: Federation) -> Participant:
    """The participant of a federation without secure sums."""
    participant = _participant(site, private, federation)
    if isinstance(participant, SecureParticipant):
        raise RefusalError("secure-sums", "the server asks for an answer in clear in a run with secure sums")
    return participant


def _secure(site: Site, private: Snapshots, federation: Federation) -> SecureParticipant:
    """The participant of a federation with secure sums."""
    participant = _participant(site, private, federation)
    if isinstance(participant, Participant):
        raise ExchangeError("the server asks for secure sums in a run without them")
    return participant


def _participant(site: Site, private: Snapshots, federation: Federation) -> Participant | SecureParticipant:
    key = (private.folder, federation)
    if key not in _participants:
        kind = SecureParticipant if site.plan(federation).privacy.secure_sums else Participant
        _participants[key] = kind(site, private, federation)
        while len(_participants) > (CACHED_AT_A_SITE if site.rules else CACHED_PARTICIPANTS):
            _participants.popitem(last=False)
    _participants.move_to_end(key)
    return _participants[key]


def forget_participants() -> None:
    """Drop the clients of earlier runs, whose networks and images a process with many runs would pile up."""
    _participants.clear()
