"""PSNR and total variation, by hand."""

import pytest
import torch

from fedmtl.privacy.audits.quality import psnr, total_variation


def test_psnr_of_an_error_of_a_tenth_is_20_db():
    assert psnr(torch.full((3, 4, 4), 0.6), torch.full((3, 4, 4), 0.5)) == pytest.approx(20, abs=1e-4)


def test_psnr_ends_at_120_db():
    assert psnr(torch.ones(1, 2, 2), torch.ones(1, 2, 2)) == pytest.approx(120, abs=1e-4)


def test_total_variation_adds_the_mean_steps_of_rows_and_columns_of_each_image():
    images = torch.stack([torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]), torch.ones(1, 2, 2)])
    assert total_variation(images).tolist() == [1.0, 0.0]
