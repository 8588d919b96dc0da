import numpy as np
import pytest
import torch

from clients.site import make_sites
from fedmtl.config import Plan
from simulations.benchmarks import attention, training_step
from simulations.benchmarks.cores import PASSES, Shape, sampling_inputs
from simulations.benchmarks.engines import BareClient
from simulations.benchmarks.memory import BLOCK, can_measure, measuring_process, peak_megabytes
from tests.federations import tiny

pytestmark = pytest.mark.skipif(
    not can_measure(), reason="this system does not reset a process's peak memory"
)
NOISE = 0.6
"""MB by which the kernel's counts before and after may be off together."""


@pytest.fixture(scope="module")
def process():
    with measuring_process() as process:
        yield process


def two_at_a_time(megabytes):
    """Three arrays, of which two exist at a time; half of torch's, half of numpy's."""

    def call():
        first = torch.ones(int(megabytes * 1e6 / 4))
        second = np.ones(len(first), np.float32)
        del first
        return second, torch.ones(len(second))

    return peak_megabytes(call)


def nothing():
    return peak_megabytes(lambda: None)


def test_what_exists_at_a_time_counts_whoever_allocates_it(process):
    # What one call gives back must not hide what the next one takes.
    for megabytes in (20, 2, 20, 50, 2):
        assert process.submit(two_at_a_time, megabytes).result() == pytest.approx(2 * megabytes, abs=NOISE)


def test_what_was_there_before_does_not_count(process):
    assert process.submit(nothing).result() <= NOISE


def test_a_pass_takes_at_least_its_results(process):
    shape = Shape(2, 64, 64)
    forward, both = (process.submit(attention.peak, "fedmtl", shape, which).result() for which in PASSES)
    result = shape.queries * 256 * 4 / 1e6
    gradients = sum(x.numel() * 4 / 1e6 for x in sampling_inputs(shape))
    assert forward >= result - NOISE
    assert both >= result + gradients - NOISE


def test_a_training_step_takes_at_least_its_gradients(process):
    scenario = tiny("model.backbone.name=mobilenetv3_small_100")
    network = BareClient.of(make_sites(scenario)["a"], Plan.of(scenario)).network
    sizes = [p.numel() * 4 for p in network.parameters()]
    # Smaller ones may lie in what the C library kept from the step before, and then take nothing.
    gradients = sum(size for size in sizes if size >= BLOCK) / 1e6
    assert process.submit(training_step.peak, scenario, "fedmtl").result() >= gradients - NOISE
