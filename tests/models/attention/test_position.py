import math

import pytest
import torch

from fedmtl.models.attention.position import sine_position

CPU = torch.device("cpu")


def test_every_position_is_told_from_every_other():
    positions = sine_position(6, 8, 16, CPU).flatten(0, 1)
    distances = torch.cdist(positions, positions) + torch.eye(48)
    assert positions.shape == (48, 16)
    assert distances.min() > 0.1


def test_y_comes_first_and_x_second():
    positions = sine_position(4, 2, 8, CPU)
    assert torch.equal(positions[:, 0, :4], positions[:, 1, :4])
    assert torch.equal(positions[0, :, 4:], positions[3, :, 4:])
    assert positions[1, 0, 0].item() == pytest.approx(math.sin(1.5 / 4 * 2 * math.pi))


def test_a_place_has_one_position_at_every_resolution():
    coarse, fine = sine_position(3, 3, 8, CPU), sine_position(9, 9, 8, CPU)
    torch.testing.assert_close(coarse, fine[1::3, 1::3])
