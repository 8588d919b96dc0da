"""A client's network in a federation, and what it does with each of its groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from clients.holdings import Holdings
from fedmtl.aggregation import Method, build_method
from fedmtl.aggregation.base import ANY_DOMAIN
from fedmtl.config import Context, ModelConfig, Plan
from fedmtl.inference import TrainedModel
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.holders import sum_of
from fedmtl.tasks import Task, TaskSpec, build_task
from fedmtl.training.device import choose_device


@dataclass(frozen=True)
class ClientModel:
    """What every round of a client works on.

    Attributes:
        plan: the federation's.
        config: what the network is built from: the plan's, as the method has it.
        tasks: all that the network computes.
        network: on the device that it trains on.
        vectors: the network's groups.
    """

    plan: Plan
    method: Method
    config: ModelConfig
    tasks: tuple[Task, ...]
    network: MultiTaskNetwork
    vectors: GroupVectors
    holdings: Holdings

    @classmethod
    def build(
        cls,
        plan: Plan,
        table: Sequence[TaskSpec],
        own: Sequence[str],
        channels: int,
        domain: str = ANY_DOMAIN,
        home: Sequence[str] = (),
    ) -> Self:
        """The network at its initial values.

        Args:
            table: the federation's tasks.
            own: the names of those that the client labels.
            channels: of its images.
            domain: of its images.
            home: the sums that nobody takes part in, by the names of `fedmtl.privacy.holders`.

        Raises:
            ConfigError: the client would read groups that others keep private.
            ModelError: the backbone or its weights cannot be had.
        """
        method = build_method(plan.method)
        config = method.model(plan.model)
        everything = config.context is Context.all
        present = tuple(build_task(spec) for spec in table if everything or spec.name in own)
        network = MultiTaskNetwork(
            config,
            present,
            own,
            channels=channels,
            image_size=plan.image_size,
            seed=plan.seed,
        ).to(choose_device(plan.training))
        vectors = GroupVectors(network)
        roles = {group: network.role(group) for group in vectors.layouts}
        at_home = {group for group in roles if sum_of(method, group, domain).name in home}
        holdings = Holdings.of(roles, method, plan.method["name"], at_home)
        return cls(plan, method, config, present, network, vectors, holdings)

    def trained(self, client: str, channels: int) -> TrainedModel:
        """The network as it is used once it is trained; its weights are those that it holds.

        Args:
            channels: of the client's images.
        """
        own = {task.name: task for task in self.tasks if task.name in self.network.own}
        size = (self.plan.image_size[0], self.plan.image_size[1])
        return TrainedModel(
            client, self.network, own, self.tasks, self.config, channels, size, self.plan.resize
        )
