"""A site's worker: takes tasks from its SuperNode, refuses what is not for it, and sends what its limits allow.

Run by `fedmtl deploy site` as `python -m clients.worker SITE.YAML`. It reads nothing of a message but the names of its
run and round; `clients.computer` does what was asked.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Event

import httpx
import msgspec
from flwr.app import ConfigRecord, Error, Message

from clients.computer import LOG_FORMAT, Computer
from clients.failures import CLIENT_ERROR, ComputerLostError, reason_of
from clients.ledger import UsageLedger
from clients.parts import parts_of
from clients.pinned_app import check_app
from clients.runtime import Runtime, RuntimeErrors, Task
from clients.sent_log import SentLog
from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.errors import FedmtlError, RefusalError
from fedmtl.exchange.envelope import PAYLOAD

logger = logging.getLogger("clients.worker")

POLL_SECONDS = 0.1
AWAY_SECONDS = 2.0
"""Between looks for a SuperNode that is not there."""
STEP_SECONDS = 60.0
"""So much computing time is entered into the ledger at once; a crash counts at most so much too much."""
WATCH_SECONDS = 1.0
TRAINING = ("train", "train.secure")
"""Kinds of messages."""
EVALUATION = ("evaluate", "evaluate.secure")
OF_SUMS = ("query.deal", "query.confirm", "query.unmask")


class Subject(msgspec.Struct, frozen=True):
    """What a message is about, as far as the log of what was sent is concerned."""

    kind: str
    run: str = ""
    round: int | None = None

    def __str__(self) -> str:
        """For a line of the log, with what is known of it."""
        run = f" of run {self.run}" if self.run else ""
        return f"{self.kind}{run}{'' if self.round is None else f', round {self.round}'}"


class Worker:
    """One task after the other.

    Args:
        round_seconds: as in the site's limits.

    Raises:
        RunError: the ledger or the log of what was sent is damaged.
    """

    def __init__(
        self,
        runtime: Runtime,
        computer: Computer,
        ledger: UsageLedger,
        log: SentLog,
        round_seconds: float | None,
    ) -> None:
        self._runtime, self._computer, self._ledger, self._log = runtime, computer, ledger, log
        self._round_seconds = math.inf if round_seconds is None else round_seconds
        self._is_away = False

    def run(self, stop: Event) -> None:
        """Work until `stop` is set.

        Raises:
            RunError: the ledger or the log of what was sent cannot be written; nothing leaves without them.
        """
        while not stop.is_set():
            try:
                task = self._runtime.acquire()
            except RuntimeErrors as error:
                if not self._is_away:
                    logger.warning(
                        "the SuperNode is away (%s: %s); waiting for it", type(error).__name__, error
                    )
                self._is_away = True
                stop.wait(AWAY_SECONDS)
                continue
            self._is_away = False
            if task is None:
                stop.wait(POLL_SECONDS)
                continue
            try:
                with task.kept_alive():
                    self.handle(task)
            except RuntimeErrors as error:
                logger.warning("a task was lost with its SuperNode: %s", error)

    def handle(self, task: Task) -> None:
        """Answer a task, with an error if need be: a SuperNode waits for the answer to its task, however long.

        Raises:
            RunError: the ledger or the log cannot be written.
        """
        started = time.monotonic()
        asked, subject = task.envelope, Subject(task.envelope.metadata.message_type)
        try:
            _check_task(task)
            asked = _content(task)
            subject = _subject(asked)
            reply = self._reply(task, asked, subject)
            parts = parts_of(reply)
            self._ledger.check_answer(sum(map(len, parts.values())))
        except (RefusalError, ComputerLostError) as error:
            if isinstance(error, ComputerLostError):
                self._computer.replace()
            logger.warning("%s: %s", subject, error)
            reply, parts = Message(Error(CLIENT_ERROR, reason_of(error)), reply_to=asked), {}
        reason = (reply.error.reason or "") if reply.has_error() else ""
        size, head = self._log.append(subject.run, subject.round or 0, subject.kind, parts, reason)
        self._ledger.enter_answer(size, head)
        task.answer(reply)
        logger.info(
            "%s: %s, %d bytes, %.1f s",
            subject,
            f"answered with an error ({reason})" if reason else "answered",
            size,
            time.monotonic() - started,
        )

    def _reply(self, task: Task, asked: Message, subject: Subject) -> Message:
        """The computer's reply, if it comes within the site's limits."""
        if subject.kind in TRAINING:
            self._ledger.begin_round()
        counted = subject.kind in (*TRAINING, *EVALUATION)
        reserved = self._ledger.reserve_seconds(STEP_SECONDS) if counted else math.inf
        begun = time.monotonic()
        try:
            self._computer.ask(asked)
            while True:
                used = time.monotonic() - begun
                if used >= self._round_seconds:
                    raise RefusalError("round-seconds", f"limits.round_seconds: {used:.1f} seconds are over")
                if used >= reserved:
                    reserved += self._ledger.reserve_seconds(STEP_SECONDS)
                reply = self._computer.wait(min(self._round_seconds - used, reserved - used, WATCH_SECONDS))
                if reply is not None:
                    return reply
                if task.lost.is_set():
                    raise RuntimeError("the SuperNode does not know it any more")
        except (RefusalError, RuntimeError):
            self._computer.replace()
            raise
        finally:
            if counted and (unused := reserved - (time.monotonic() - begun)) > 0:
                self._ledger.return_seconds(unused)


def _check_task(task: Task) -> None:
    """Refuse what is no message to the app that this site has.

    Raises:
        RefusalError: it is not.
    """
    if task.kind != "flwr-clientapp":
        raise RefusalError("task", f"the server asks for a task of type '{task.kind}'")
    check_app(task.app, task.bundle)


def _content(task: Task) -> Message:
    """The message with its content.

    Raises:
        RefusalError: what the server sent is none.
        httpx.HTTPError: the runtime API is away.
    """
    try:
        return task.message()
    except httpx.HTTPError:
        raise
    except Exception as error:  # Flower's readers raise what they like
        raise RefusalError("message", f"the server's message cannot be read: {error}") from error


class _Federation(msgspec.Struct):
    run: str


class _Instruction(msgspec.Struct):
    federation: _Federation
    round: int


def _subject(message: Message) -> Subject:
    """What the message says of itself; `clients.app` finds out whether it is right."""
    kind = message.metadata.message_type
    try:
        record = message.content[PAYLOAD]
        text = record["json"] if isinstance(record, ConfigRecord) else ""
        if kind == "query.join":
            return Subject(kind, msgspec.json.decode(str(text), type=_Federation).run)
        if kind in (*TRAINING, *EVALUATION, *OF_SUMS):
            found = msgspec.json.decode(str(text), type=_Instruction)
            return Subject(kind, found.federation.run, found.round)
    except (KeyError, msgspec.MsgspecError, RecursionError):
        pass  # `clients.app` refuses it with a sentence; until then nothing is known but its kind
    return Subject(kind)


def main(path: Path) -> None:
    """Work for the site of the site.yaml at `path` until the process is ended."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=LOG_FORMAT)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    folder = SiteFolder(path.parent)
    limits = folder.config.limits
    ledger = UsageLedger(folder.ledger, limits)
    log = SentLog(folder.sent, ledger.account.answers, ledger.account.head)
    runtime = Runtime(f"{HOST}:{folder.config.runtime_port}", folder.secret.read_bytes())
    with closing(runtime), Computer(path) as computer:
        Worker(runtime, computer, ledger, log, limits.round_seconds).run(Event())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except FedmtlError as error:
        raise SystemExit(f"fedmtl: {error}") from None
