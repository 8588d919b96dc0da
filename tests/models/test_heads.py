import pytest
import torch

from fedmtl.models.heads import DenseHead, ImageHead

ATTENDED = torch.rand(2, 8, 6, 9, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("fine_size", [(12, 18), (6, 9), (3, 4)])
def test_a_dense_head_predicts_at_any_size_from_any_pyramid(fine_size):
    head = DenseHead("depth", 8, 5, 3)
    attended = ATTENDED.clone().requires_grad_()
    fine = torch.rand(2, 5, *fine_size, requires_grad=True)
    predicted = head(attended, fine, (47, 70))
    assert predicted.shape == (2, 3, 47, 70)
    predicted.square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in [attended, fine, *head.parameters()])


def test_the_finest_level_brings_detail_that_the_attended_map_lacks():
    head = DenseHead("edge", 8, 5, 1)
    fine = torch.zeros(1, 5, 24, 36)
    base = head(ATTENDED[:1], fine, (24, 36))
    fine[:, :, 10, 20] = 5
    changed = (head(ATTENDED[:1], fine, (24, 36)) - base).abs()[0, 0]
    assert changed.argmax() // 36 in range(9, 12)
    assert changed.argmax() % 36 in range(19, 22)


def test_an_image_head_predicts_a_vector_that_does_not_depend_on_where_things_are():
    head = ImageHead("scene", 8, 4)
    predicted = head(ATTENDED)
    assert predicted.shape == (2, 4)
    torch.testing.assert_close(head(ATTENDED.flip(2, 3)), predicted)
