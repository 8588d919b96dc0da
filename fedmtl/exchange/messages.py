"""What server and clients say to each other beside vectors: JSON with a schema, checked on arrival.

The order of a run: `describe` → Description; `join` with a Federation → Membership; then per round `train`
with an Instruction → TrainReport and `evaluate` with an EvaluateInstruction → EvaluateReport.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import msgspec

from fedmtl.errors import ExchangeError
from fedmtl.tasks.spec import TaskSpec

Name = Annotated[str, msgspec.Meta(pattern=r"\A\w[\w.-]{0,99}\Z")]
"""Safe as the name of a file."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""What a float64 holds exactly; a Python integer may have no float at all."""
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
"""Of a vector's bytes; see `fedmtl.exchange.versions`. Safe as the name of a file."""
Tag = Annotated[str, msgspec.Meta(pattern=r"\A[\w.-]{1,50}/\d{1,4}\Z")]
"""A codec's name and version."""
Split = Literal["val", "test"]
"""What a client may be asked to measure; how well a model fits its training images is its own affair."""


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message as JSON. An unknown, missing, wrongly typed or non-finite field is refused."""

    def to_json(self) -> str:
        """The message as text."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: object) -> Self:
        """The message in `text`.

        Raises:
            ExchangeError: it is not such a message.
        """
        if not isinstance(text, str):
            raise ExchangeError(f"holds no {cls.__name__}")
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise ExchangeError(f"holds no valid {cls.__name__}: {error}") from error


class Inquiry(Payload, frozen=True, forbid_unknown_fields=True):
    """What a client is asked when it shall describe itself.

    Attributes:
        counted: whether it shall say how many images it has.
    """

    counted: bool


class Description(Payload, frozen=True, forbid_unknown_fields=True):
    """A client, as it describes itself.

    Attributes:
        counted: whether the numbers of images are told; otherwise each is 1 where there are any, and 0 where not.
        images: distinct training images.
        labelled: task → training images that have its label.
        version: of the fedmtl that the client runs.
        domain: what kind of images it has; methods may share more within a domain than across.
        codecs: those that it knows.
    """

    client: Name
    tasks: tuple[TaskSpec, ...]
    channels: Positive
    images: Positive
    val_images: Count
    test_images: Count
    labelled: dict[str, Count]
    version: str
    domain: Name
    codecs: tuple[Tag, ...]
    counted: bool

    def __post_init__(self) -> None:
        # A kind may be an import path where one's own files say so, but nobody imports at another's word.
        if path := next((task.kind for task in self.tasks if ":" in task.kind), None):
            raise ValueError(f"the task kind '{path}' must be registered as an entry point to be shared")
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) != len(names):
            raise ValueError("a client has tasks, each once")
        if set(self.labelled) != set(names) or any(n > self.images for n in self.labelled.values()):
            raise ValueError("labelled images are counted per task and are at most the images")


class Federation(Payload, frozen=True, forbid_unknown_fields=True):
    """What every client must share.

    Attributes:
        run: the id of the run.
        tasks: the task table.
        plan: model, method and training, as the YAML of a `fedmtl.config.Plan`.
        home: the sums that too few clients would take part in (`fedmtl.privacy.holders`): who trains one of these
            groups keeps it.
    """

    run: Name
    tasks: tuple[TaskSpec, ...]
    plan: str
    home: tuple[str, ...]


class Membership(Payload, frozen=True, forbid_unknown_fields=True):
    """What a client computes from the federation.

    Attributes:
        train: the digests of the layouts of the shared groups that it trains.
        read: of those that it only reads.
        held: the digests of the values that it has, those that its model begins with among them.
    """

    train: dict[str, str]
    read: dict[str, str]
    held: tuple[Digest, ...]


class Version(Payload, frozen=True, forbid_unknown_fields=True):
    """A group's values that a client is to have.

    Attributes:
        digest: of the values.
        base: of what the sent vector is the difference from; None where it is the values, or none is sent because
            the client has them.
        signal: how much of the mean by which they moved last was signal, the rest being noise.
    """

    digest: Digest
    base: Digest | None = None
    signal: Share = 1.0


class Instruction(Payload, frozen=True, forbid_unknown_fields=True):
    """What to do in a round; it says everything, because a client may be a new process each time.

    Attributes:
        accepted: the last round of this client that the server accepted, 0 for none: where its private state
            goes on from.
        durable: the accepted round that the server's newest checkpoint names: it must be kept as well.
        versions: every group of this message → its values.
        keep: other values that the server may come back to; the client may forget all others.
    """

    federation: Federation
    round: Count
    accepted: Count
    durable: Count
    versions: dict[str, Version]
    keep: tuple[Digest, ...]


class EvaluateInstruction(Instruction, frozen=True, forbid_unknown_fields=True):
    """An instruction to evaluate.

    Attributes:
        splits: what to measure; the client said that it has images of each.
    """

    splits: tuple[Split, ...]


class ExampleCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client says that all training so far, in every run, has cost its images in differential privacy.

    It follows from how many images there are and how they were drawn, not from what they show.
    """

    epsilon: Amount
    delta: Amount


class TrainReport(Payload, frozen=True, forbid_unknown_fields=True):
    """One client's round of training.

    Attributes:
        images: distinct images that were trained on.
        labelled: task → those of them that have its label.
        loss_sums: task → the unweighted loss, summed over its labelled images in every pass.
        loss_counts: task → over how many.
        weights: group → its weight in the sum over holders.
        cost: of a client that trains with differential privacy of its images; its losses are not told then.
    """

    client: Name
    round: Count
    images: Count
    steps: Count
    labelled: dict[str, Count]
    loss_sums: dict[str, float]
    loss_counts: dict[str, Count]
    weights: dict[str, Amount]
    seconds: Amount
    cost: ExampleCost | None


class EvaluateReport(Payload, frozen=True, forbid_unknown_fields=True):
    """One client's evaluation; the statistics travel as one float64 vector per split and task.

    Attributes:
        images: of all splits.
    """

    client: Name
    round: Count
    images: Count
    seconds: Amount
