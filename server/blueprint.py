"""The whole federation's model as the server sees it: groups, their layouts and their initial values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fedmtl.aggregation import Method, Policy
from fedmtl.aggregation.schedule import check_schedule
from fedmtl.config import Context, Plan
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Description
from fedmtl.models.groups import Role, parse_group, role
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.models.vectors import GroupVectors
from fedmtl.tasks import TaskSpec, build_task


@dataclass(frozen=True)
class Blueprint:
    """Every shared group of a federation with these tasks and kinds of input.

    Attributes:
        initial: the groups' first values, until the server's state takes them out.
    """

    tasks: tuple[TaskSpec, ...] = ()
    channels: tuple[int, ...] = ()
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    initial: dict[str, Vector] = field(default_factory=dict)
    context: Context = Context.own

    @classmethod
    def build(
        cls, plan: Plan, method: Method, tasks: Iterable[TaskSpec], channels: Iterable[int]
    ) -> Blueprint:
        """Build the model with all tasks, once per number of input channels (their stems differ).

        Raises:
            ConfigError: the method does not fit the federation's groups, or contradicts itself.
            ModelError: the backbone or its weights cannot be had.
        """
        specs = tuple(sorted(tasks, key=lambda spec: spec.name))
        built = [build_task(spec) for spec in specs]
        model = method.model(plan.model)
        names = [spec.name for spec in specs]
        layouts: dict[str, Layout] = {}
        initial: dict[str, Vector] = {}
        counts = tuple(sorted(set(channels)))
        for count in counts:
            network = MultiTaskNetwork(
                model,
                built,
                own=names,
                channels=count,
                image_size=plan.image_size,
                seed=plan.seed,
            )
            vectors = GroupVectors(network)
            for group in set(vectors.layouts) - set(layouts):
                layouts[group] = vectors.layouts[group]
                if method.policy(group) is Policy.shared:
                    initial[group] = vectors.read(group)
        method.check(sorted(layouts))
        shared = {group: layouts[group] for group in sorted(initial)}
        check_schedule(method, list(shared), plan.rounds)
        return cls(specs, counts, shared, initial, model.context)

    def groups_of(self, description: Description, wanted: Role) -> dict[str, Layout]:
        """The shared groups in which a client has the role `wanted`."""
        own = {task.name for task in description.tasks}
        present = {task.name for task in self.tasks} if self.context is Context.all else own
        dense = {task.name for task in self.tasks if build_task(task).dense}
        return {
            group: layout
            for group, layout in self.layouts.items()
            if parse_group(group).channels in (None, description.channels)
            and role(group, own=own, tasks=present, dense=dense) is wanted
        }
