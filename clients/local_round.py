"""A client's round: where its groups start, its phases as stages of training, and what they leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from clients.model import ClientModel
from fedmtl.aggregation import Clock, Phase
from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Vector
from fedmtl.exchange.messages import Instruction
from fedmtl.private_state import PrivateState
from fedmtl.training.optimization import load_optimizer, make_optimizer, optimizer_tensors
from fedmtl.training.stages import LocalTerm, Stage


class LocalRound:
    """One round of one client, in its network.

    A personal group has two values: those that were received and the client's own copy. The network holds one of
    them, as each stage needs it, and the round the other.

    Args:
        received: what the server sent.
        kept: the client's private state; a newcomer's has no copies of personal groups.

    Attributes:
        stages: one a phase.

    Raises:
        ConfigError: a phase trains nothing that the client has.
        RunError: the kept state of an optimiser does not fit.
    """

    def __init__(
        self, model: ClientModel, instruction: Instruction, received: Mapping[str, Vector], kept: PrivateState
    ) -> None:
        self._model = model
        method, vectors, rounds = model.method, model.vectors, model.plan.rounds
        clock = Clock(instruction.round, rounds)
        self._travelling = {g: received[g] for g in model.holdings.trains if method.travels(g, clock)}
        for group, vector in received.items():
            vectors.write(group, vector)
        for group in model.holdings.private:
            vectors.write(group, kept.groups[group])

        copies = dict(received) | dict(kept.groups)
        signal = {group: version.signal for group, version in instruction.versions.items()}
        self._others = {
            group: method.begin(
                group, self._travelling.get(group), copies[group], clock, signal.get(group, 1.0)
            )
            for group in model.holdings.personal
        }
        self._holds_copies = False

        self._phases = method.phases(clock)
        former = method.phases(Clock(instruction.accepted, rounds)) if kept.optimizer else ()
        self.stages = [
            self._stage(phase, _optimizer_state(kept, index) if _goes_on(phase, index, former) else {})
            for index, phase in enumerate(self._phases)
        ]

    def finish(self) -> tuple[dict[str, Vector], PrivateState]:
        """What was added to each group that travels, and the private state, once the stages are trained."""
        self._hold(copies=True)
        vectors = self._model.vectors
        updates = {}
        for group, received in self._travelling.items():
            shared_is_elsewhere = group in self._others and not all(phase.personal for phase in self._phases)
            if shared_is_elsewhere:
                updates[group] = self._others[group] - received
            else:
                updates[group] = vectors.change(group, received)
        groups = {group: vectors.read(group) for group in self._model.holdings.kept}
        return updates, PrivateState(groups, self._optimizers())

    def _stage(self, phase: Phase, optimizer_state: Mapping[str, NDArray[Any]]) -> Stage:
        vectors, holdings = self._model.vectors, self._model.holdings
        held = {*holdings.trains, *holdings.private}
        groups = [group for group in vectors.layouts if group in held and phase.trains_group(group)]
        if not any(tensor.requires_grad for group in groups for tensor in vectors.tensors(group)):
            raise ConfigError(
                f"{type(self._model.method).__name__}: {phase} trains nothing that this client has"
            )
        optimizer = make_optimizer(vectors, self._model.plan.training, groups)
        load_optimizer(optimizer, self._model.network, optimizer_state)
        enter = partial(self._hold, copies=phase.personal)
        return Stage(optimizer, phase.share, self._local_term(phase, groups), enter)

    def _local_term(self, phase: Phase, groups: Sequence[str]) -> LocalTerm | None:
        if not self._model.method.adds_to_loss:
            return None
        vectors = self._model.vectors
        pairs = [
            (tensor, value)
            for group in groups
            if group in self._travelling
            for tensor, value in zip(
                vectors.tensors(group), vectors.views(group, self._travelling[group]), strict=True
            )
            if tensor.requires_grad
        ]
        parameters, values = [tensor for tensor, _ in pairs], [value for _, value in pairs]
        return partial(self._model.method.local_term, phase, parameters, values)

    def _hold(self, *, copies: bool) -> None:
        """Have the network hold the client's copies of personal groups, or what was received."""
        if copies is self._holds_copies:
            return
        for group, vector in self._others.items():
            self._others[group] = self._model.vectors.read(group)
            self._model.vectors.write(group, vector)
        self._holds_copies = copies

    def _optimizers(self) -> dict[str, NDArray[Any]]:
        """The state of each stage's optimiser, if it is kept: `<stage>/<parameter>/<what>`."""
        if not self._model.plan.training.keep_optimizer:
            return {}
        return {
            f"{index}/{name}": tensor
            for index, stage in enumerate(self.stages)
            for name, tensor in optimizer_tensors(stage.optimizer, self._model.network).items()
        }


def _optimizer_state(kept: PrivateState, index: int) -> dict[str, NDArray[Any]]:
    prefix = f"{index}/"
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in kept.optimizer.items()
        if name.startswith(prefix)
    }


def _goes_on(phase: Phase, index: int, former: Sequence[Phase]) -> bool:
    """Whether the client's last round had this phase in this place, whatever its share."""
    return any(replace(phase, share=other.share) == other for other in former[index : index + 1])
