"""Where a client computes, and with how many threads."""

from __future__ import annotations

import torch

from fedmtl.config import TrainingConfig
from fedmtl.errors import ConfigError


def choose_device(config: TrainingConfig) -> torch.device:
    """The device that `training.device` names.

    Raises:
        ConfigError: there is no such device here.
    """
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(config.device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"training.device: '{config.device}' cannot be used here: {reason}; try auto"
        ) from error
    return device


def set_threads(config: TrainingConfig) -> None:
    """Give torch the configured number of threads, if one is configured."""
    if config.threads:
        torch.set_num_threads(config.threads)
