"""A recorded run once more in this process: each round with the clients that the recorded one had.

Who takes part in a round of a deployment depends on machines and networks. Everything else is keyed by seed, round and
client, so a replay ends with the same bits, at equal threads on equal machines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

import msgspec
from flwr.app import Error, Message
from flwr.app.user_config import UserConfig

from clients.app import app as client_app
from fedmtl.data import expand_copies
from fedmtl.errors import RunError
from fedmtl.exchange.envelope import unpack
from fedmtl.reporting.events import Listener, read_events
from fedmtl.run_directory import RunDirectory
from server.delivery import NO_ANSWER
from simulations.inprocess import InProcessGrid, run_on_grid

Participation = Mapping[int, Set[str]]
"""Round → the clients whose training counted."""


class _Numbered(msgspec.Struct):
    """What every instruction has."""

    round: int


def recorded_participation(metrics: Path) -> Participation:
    """Who took part in which round, by a run's metrics log.

    Raises:
        RunError: there is no such log, or it is damaged.
    """
    rounds: defaultdict[int, set[str]] = defaultdict(set)
    for event in read_events(metrics):
        if event["event"] == "train":
            rounds[event["round"]].add(event["client"])
    return dict(rounds)


class ReplayGrid(InProcessGrid):
    """An in-process grid in which a client answers for those rounds alone in which it took part.

    Args:
        clients: in the order of their nodes.

    Raises:
        RunError: a client took part that is not there.
    """

    def __init__(self, clients: Sequence[str], run_config: UserConfig, participation: Participation) -> None:
        super().__init__(client_app, len(clients), run_config)
        if absent := sorted({name for names in participation.values() for name in names} - set(clients)):
            raise RunError(
                f"'{absent[0]}' took part in the recorded run, and the scenario has no such client"
            )
        self._participation = participation
        self._names = dict(zip(self.get_node_ids(), clients, strict=True))

    def _reply(self, message: Message) -> Message:
        client = self._names[message.metadata.dst_node_id]
        if message.metadata.message_type in ("train", "train.secure"):
            number = msgspec.json.decode(str(unpack(message.content)[0]), type=_Numbered).round
            if client not in self._participation.get(number, ()):
                return Message(Error(NO_ANSWER, "took no part in the recorded round"), reply_to=message)
        return super()._reply(message)


def replay(directory: RunDirectory, recorded: RunDirectory, listeners: Sequence[Listener] = ()) -> None:
    """Run what is in `directory` with the participation of `recorded`.

    Args:
        directory: its scenario has the recorded run's clients, with their data, and the same settings.

    Raises:
        RunError: a client took part that the scenario lacks, or the recorded log is missing or damaged.
    """
    clients = sorted(expand_copies(directory.scenario.clients))
    settings: UserConfig = {"run-dir": str(directory.path.absolute())}
    grid = ReplayGrid(clients, settings, recorded_participation(recorded.metrics))
    run_on_grid(grid, directory, listeners)
