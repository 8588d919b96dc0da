"""How much memory a site's training takes: one image is trained on for real, in a process of its own.

What that image leaves for the backward pass grows with the batch; parameters, gradients and the optimiser's state do
not. It is counted and not measured, on the CPU whatever the device, so that it disturbs no run that has the GPU. On
CUDA autocast makes it smaller than is said here.

Usage: python -m clients.memory SITE.YAML [SCENARIO]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from clients.deployed_site import deployed_site
from clients.model import ClientModel
from clients.site import Site
from fedmtl.config import OptimizerKind, Plan, Scenario
from fedmtl.data import ClientDataset
from fedmtl.errors import FedmtlError
from fedmtl.exchange.messages import Federation
from fedmtl.scenario import load_scenario, to_yaml
from fedmtl.shipped import find
from fedmtl.training.device import choose_device
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalTrainer

SPARE = 1.5
"""What operators take beside what they leave behind, as a factor."""
_COPIES = {OptimizerKind.adamw: 2, OptimizerKind.sgd: 1}
"""Of all parameters, that the optimiser keeps."""


class Requirement(msgspec.Struct, frozen=True):
    """What training needs, and what the machine has, in bytes.

    Attributes:
        device: torch's name of it.
        needed: of the device's memory.
        free: of the device's memory, now.
        total: of the device's memory.
    """

    device: str
    parameters: int
    batch: int
    needed: int
    free: int
    total: int


def measure(path: Path, scenario: str | None) -> Requirement:
    """Train on one image of the site of the site.yaml at `path`, as a plan of `scenario` would.

    Raises:
        ConfigError: site.yaml or the scenario is wrong, or there is no such device.
        DataError: the site's data is broken.
        RefusalError: the site's rules are against it.
    """
    site = deployed_site(path)
    plan = Plan.of(load_scenario(find(scenario)) if scenario else Scenario(name="default"))
    plan = site.plan(Federation("doctor", site.tasks, to_yaml(plan), ()))
    device, resident = choose_device(plan.training), _resident()
    parameters, saved = _one_image(site, plan)
    copies = 2 + _COPIES[plan.training.optimizer]  # the parameters themselves, and their gradients
    needed = 4 * parameters * copies + int(SPARE * saved * plan.training.batch_size)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
    else:
        needed += resident
        free, total = _host()
    return Requirement(str(device), parameters, plan.training.batch_size, needed, free, total)


def _one_image(site: Site, plan: Plan) -> tuple[int, int]:
    """The network's parameters, and the bytes that a training image leaves for the backward pass."""
    training = replace(plan.training, device="cpu", batch_size=1, epochs=1, accumulate=1)
    plan = replace(plan, training=training)
    names = [spec.name for spec in site.tasks]
    model = ClientModel.build(plan, site.tasks, names, site.source.channels)
    if site.rules is not None:
        site.rules.check_leaving(model.holdings.trains)
    tasks = [task for task in model.tasks if task.name in names]
    data = replace(site.data, image_size=plan.image_size, resize=plan.resize, augment=plan.augment)
    one = ClientDataset(site.source, site.share.train[:1], tasks, data)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.network.parameters()}
    left: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            left[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        LocalTrainer(model.network, tasks, one, plan, site.client).train(
            [Stage(make_optimizer(model.vectors, training))], 1
        )
    return sum(layout.size for layout in model.vectors.layouts.values()), sum(left.values())


def _resident() -> int:
    """What a process with all that training imports takes by itself."""
    return _kilobytes(Path("/proc/self/status"), "VmRSS") * 1024


def _host() -> tuple[int, int]:
    """What is free of this machine's memory, and how much there is; less where a control group allows less."""
    table = Path("/proc/meminfo")
    free, total = (_kilobytes(table, key) * 1024 for key in ("MemAvailable", "MemTotal"))
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # there is none, or it says max
        return free, total
    return min(free, limit - used), min(total, limit)


def _kilobytes(table: Path, key: str) -> int:
    line = next(line for line in table.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1])


if __name__ == "__main__":
    try:
        found = measure(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
    except FedmtlError as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
