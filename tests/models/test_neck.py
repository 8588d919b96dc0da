import pytest
import torch

from fedmtl.models.neck import Neck, resample


@pytest.mark.parametrize("size", [(2, 4), (8, 16), (3, 5), (5, 7), (4, 8), (2, 16)])
def test_resampling_covers_the_same_extent(size):
    # The mean of a map that is symmetric about its centre stays where it is.
    ramp = torch.linspace(-1, 1, 8).expand(1, 1, 4, 8)
    resampled = resample(ramp, size)
    assert resampled.shape[2:] == size
    torch.testing.assert_close(resampled.mean(), torch.zeros(()), atol=1e-6, rtol=0)
    torch.testing.assert_close(resampled, -resampled.flip(3))


def test_smaller_is_the_mean_and_the_same_is_the_same():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert torch.equal(resample(x, (2, 2)).flatten(), torch.tensor([2.5, 4.5, 10.5, 12.5]))
    assert resample(x, (4, 4)) is x


def test_the_order_of_projecting_and_resampling_does_not_matter():
    neck = Neck([3, 5], 4)
    levels = [torch.rand(2, 3, 8, 12), torch.rand(2, 5, 2, 3)]
    size = (4, 6)
    summed = sum(resample(lateral(x), size) for lateral, x in zip(neck.lateral, levels, strict=True))
    torch.testing.assert_close(neck(levels, size), neck.norm(summed))


def test_each_image_is_normalised_by_itself():
    neck = Neck([3], 4)
    x = torch.rand(4, 3, 5, 5)
    torch.testing.assert_close(neck([x], (5, 5))[1:2], neck([x[1:2]], (5, 5)))
