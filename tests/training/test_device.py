import pytest
import torch

from fedmtl.config import TrainingConfig
from fedmtl.errors import ConfigError
from fedmtl.training.device import choose_device, set_threads


@pytest.mark.parametrize(("available", "kind"), [(False, "cpu"), (True, "cuda")])
def test_auto_is_cuda_where_there_is_one(monkeypatch, available, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device(TrainingConfig(device="auto")).type == kind


def test_a_device_can_be_named():
    assert choose_device(TrainingConfig(device="cpu")) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cpu:x", "mtia", "cuda:99"])
def test_a_device_that_is_not_there_is_told(device):
    with pytest.raises(ConfigError, match=rf"training.device: '{device}' cannot be used here: .*; try auto"):
        choose_device(TrainingConfig(device=device))


def test_threads_are_set_only_where_configured():
    before = torch.get_num_threads()
    try:
        set_threads(TrainingConfig(threads=0))
        assert torch.get_num_threads() == before
        set_threads(TrainingConfig(threads=3))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
