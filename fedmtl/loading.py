"""Finding a trained model again: in a run directory, in a client's folder, or where `fedmtl export` wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fedmtl.aggregation import Policy, build_method
from fedmtl.best_model import BEST, load_best
from fedmtl.checkpoints import Header, load_checkpoint, restore_state
from fedmtl.config import Context, Plan
from fedmtl.errors import RunError, did_you_mean
from fedmtl.export import is_export, load_export
from fedmtl.inference import TrainedModel
from fedmtl.models.groups import NEUTRAL, Role, parse_group
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.holders import sum_of
from fedmtl.private_state import read_private
from fedmtl.run_directory import RunDirectory
from fedmtl.tasks import build_task


def load(path: str | Path, client: str | None = None, tasks: Sequence[str] | None = None) -> TrainedModel:
    """Load the model that a client leaves a run with: the best that it had on its own validation images.

    That may be the one that it came with. Where nothing was validated, it is the federation's newest.

    Args:
        path: a run directory, an exported folder, or a client's best.safetensors.
        client: whose; may be left out where there is only one.
        tasks: what it shall predict; by default the tasks that the client labels. With any other among them, the
            model is that of the newest checkpoint: the federation's adapters and heads on this client's backbone.

    Raises:
        RunError: there is no such run, checkpoint, client or task.
    """
    path = Path(path)
    if is_export(path):
        return _select(load_export(path), path, client, tasks)
    if path.is_file() and (model := load_best(path)):
        return _select(model, path, client, tasks)
    run = RunDirectory.open(path)
    header, tensors = load_checkpoint(run.checkpoints)
    name = _the_client(header, client, run)
    wanted = tuple(tasks or header.clients[name].tasks)
    best = load_best(run.client_folder(name) / BEST, run.identity["run"])
    if best is not None and set(wanted) <= set(best.tasks):
        return _select(best, path, name, wanted)
    return _build(run, header, name, wanted, tensors)


def load_newest(run: RunDirectory, client: str) -> TrainedModel:
    """A client's model of its own tasks as of the newest checkpoint: shared groups and the client's private ones.

    Raises:
        RunError: there is no checkpoint, or no such client.
    """
    header, tensors = load_checkpoint(run.checkpoints)
    name = _the_client(header, client, run)
    return _build(run, header, name, header.clients[name].tasks, tensors)


def _select(model: TrainedModel, path: Path, client: str | None, tasks: Sequence[str] | None) -> TrainedModel:
    """A model that stands by itself, if it is that client's, with the tasks that are asked for."""
    if client not in (None, model.client):
        raise RunError(f"{path} is a model of client '{model.client}', not of '{client}'")
    for task in tasks or ():
        if task not in model.tasks:
            raise RunError(f"{path} has no task '{task}'; {did_you_mean(task, model.tasks)}")
    return replace(model, tasks={name: model.tasks[name] for name in tasks or model.tasks})


def _the_client(header: Header, client: str | None, run: RunDirectory) -> str:
    names = sorted(header.clients)
    if client is None and len(names) == 1:
        return names[0]
    if client is None:
        raise RunError(f"{run.path} has {len(names)} clients; choose one of {', '.join(names)}")
    if client not in names:
        raise RunError(f"{run.path} has no client '{client}'; {did_you_mean(client, names)}")
    return client


def _build(
    run: RunDirectory,
    header: Header,
    client: str,
    wanted: tuple[str, ...],
    tensors: Mapping[str, NDArray[Any]],
) -> TrainedModel:
    plan = Plan.of(run.scenario)
    method = build_method(plan.method)
    model = method.model(plan.model)
    specs = {spec.name: spec for spec in header.tasks}
    for task in wanted:
        if task not in specs:
            raise RunError(f"the federation has no task '{task}'; {did_you_mean(task, specs)}")
    everything = model.context is Context.all
    present = [build_task(spec) for name, spec in sorted(specs.items()) if everything or name in wanted]
    channels = header.clients[client].channels
    size = (plan.image_size[0], plan.image_size[1])
    network = MultiTaskNetwork(model, present, wanted, channels=channels, image_size=size, seed=plan.seed)
    vectors = GroupVectors(network)
    used = {
        group: layout for group, layout in vectors.layouts.items() if network.role(group) is not Role.none
    }
    shared = {g: layout for g, layout in used.items() if method.policy(g) is Policy.shared}
    state = restore_state(header, tensors, shared)
    domain = header.clients[client].domain
    values = {group: method.outgoing(state.groups, state.method, client, group, domain) for group in shared}
    # A client that never finished a round has only what it would be sent, and the initial values, as the network now.
    if accepted := header.clients[client].accepted:
        leaving = header.leaving

        def stays(group: str) -> bool:
            return leaving is not None and sum_of(method, group, domain).name not in leaving

        kept = {g: v for g, v in used.items() if g not in shared or method.personal(g) or stays(g)}
        own = read_private(run.private_states(client), accepted, kept, run.identity["run"])
        needed = {group for group in set(kept) - set(shared) if parse_group(group).family not in NEUTRAL}
        if lacking := sorted(needed - set(own.groups)):
            method_name = plan.method["name"]
            raise RunError(
                f"client '{client}' has no '{lacking[0]}': method '{method_name}' keeps it at those who train it"
            )
        values |= own.groups
    for group, vector in values.items():
        vectors.write(group, vector)
    tasks = {task.name: task for task in present if task.name in wanted}
    return TrainedModel(client, network.eval(), tasks, present, model, channels, size, plan.resize)
