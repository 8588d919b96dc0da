"""One client tried out: its model, an optimiser step on a real batch, a batch of evaluation, and what it would send."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from clients.local_round import LocalRound
from clients.model import ClientModel
from clients.site import Site
from fedmtl.aggregation import Clock
from fedmtl.aggregation.traffic import Traffic
from fedmtl.config import CacheKind, DataConfig, Plan
from fedmtl.data import ClientDataset
from fedmtl.exchange.codecs import build_codec, codec_of
from fedmtl.exchange.messages import Federation, Instruction
from fedmtl.private_state import PrivateState
from fedmtl.tasks import Task, TaskSpec, build_task
from fedmtl.training.device import choose_device
from fedmtl.training.evaluation import evaluate
from fedmtl.training.trainer import LocalTrainer
from simulations.peak_memory import forget_peak, peak_bytes


@dataclass(frozen=True)
class Rehearsal:
    """What one client takes.

    Attributes:
        parameters: numbers in its model, buffers included.
        step_seconds: of an optimiser step, once the data is in its cache, where the scenario has one.
        image_seconds: of the evaluation of an image.
        peak_bytes: of the device, see `simulations.peak_memory`.
        bytes_up: that it sends in a round.
        bytes_down: that it is sent in a round; evaluation on the same values needs no others.
    """

    parameters: int
    step_seconds: float
    image_seconds: float
    peak_bytes: int
    bytes_up: int
    bytes_down: int


def rehearse(site: Site, plan: Plan, table: Sequence[TaskSpec], home: Sequence[str]) -> Rehearsal:
    """Take one step of each phase of a round, in memory: nothing is written.

    Differential privacy of the client's own images, which makes steps longer, is left out.

    Args:
        table: the federation's tasks.
        home: the sums that are not taken, as in `ClientModel.build`.

    Raises:
        ConfigError, ModelError: the model cannot be built, or its method does not fit.
        DataError: a sample cannot be read.
        TrainingError: a loss is not finite.
    """
    device = choose_device(plan.training)
    forget_peak(device)
    own = [spec.name for spec in site.tasks]
    model = ClientModel.build(plan, table, own, site.source.channels, site.domain, home)
    tasks = [build_task(spec) for spec in site.tasks]
    federation = Federation("dry-run", tuple(table), "", tuple(home))
    # Of a second round where there is one: in their first, clients are sent what they keep later.
    first = plan.rounds == 1
    instruction = Instruction(federation, 1 if first else 2, 0 if first else 1, 0, {}, ())

    batch = plan.training.batch_size
    lessons = _dataset(site, plan, tasks, site.share.train[: batch * plan.training.accumulate])
    measured = _dataset(site, plan, tasks, site.share.val[:batch])
    began = time.perf_counter()
    for dataset in (lessons, measured):
        dataset.preload(threads=1)
    loading = (time.perf_counter() - began) / (len(lessons) + len(measured))
    step = _step_seconds(model, site, tasks, lessons, instruction)
    evaluation = _seconds(partial(evaluate, model.network, tasks, measured, batch), device)
    up, down = _traffic(model, instruction)
    return Rehearsal(
        sum(layout.size for layout in model.vectors.layouts.values()),
        _with_loading(step, loading * len(lessons), site.data),
        _with_loading(evaluation / len(measured), loading, site.data),
        peak_bytes(device),
        up,
        down,
    )


def _dataset(site: Site, plan: Plan, tasks: Sequence[Task], ids: Sequence[str]) -> ClientDataset:
    """Some of the client's images as it trains on them, kept in memory whatever the scenario says."""
    config = replace(
        site.data,
        image_size=plan.image_size,
        resize=plan.resize,
        augment=plan.augment,
        cache=CacheKind.memory,
    )
    return ClientDataset(site.source, ids, tasks, config)


def _step_seconds(
    model: ClientModel, site: Site, tasks: Sequence[Task], lessons: ClientDataset, instruction: Instruction
) -> float:
    """Of a step, each phase of the method's round by its share; a phase takes one step over all of `lessons`."""
    vectors, holdings, plan = model.vectors, model.holdings, model.plan
    received = {group: vectors.read(group) for group in (*holdings.trains, *holdings.reads)}
    kept = PrivateState({group: vectors.read(group) for group in holdings.private})
    stages = LocalRound(model, instruction, received, kept).stages
    once = replace(plan, training=replace(plan.training, epochs=1))
    trainer = LocalTrainer(model.network, tasks, lessons, once, site.client)
    device = choose_device(plan.training)
    return sum(
        stage.share * _seconds(partial(trainer.train, [replace(stage, share=1.0)], instruction.round), device)
        for stage in stages
    )


def _traffic(model: ClientModel, instruction: Instruction) -> tuple[int, int]:
    """Bytes of the groups that go up and down in the instruction's round, as the codecs make them."""
    plan, layouts = model.plan, model.vectors.layouts
    traffic = Traffic(model.method, model.holdings.trains, model.holdings.reads)
    clock = Clock(instruction.round, plan.rounds)
    up, down = build_codec(plan.exchange.up, "exchange.up"), build_codec(plan.exchange.down, "exchange.down")
    sent = sum(codec_of(group, layouts[group], up).length(layouts[group]) for group in traffic.up(clock))
    received = traffic.down(clock, instruction.accepted)
    return sent, sum(codec_of(group, layouts[group], down).length(layouts[group]) for group in received)


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    """What a call takes until the device has done it; on CUDA the second one, because the first loads kernels."""
    if device.type == "cuda":
        call()
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def _with_loading(work: float, loading: float, data: DataConfig) -> float:
    """Seconds with what decoding adds where nothing is kept; loader processes do it meanwhile."""
    if data.cache is not CacheKind.none:
        return work
    return max(work, loading / data.workers) if data.workers else work + loading
