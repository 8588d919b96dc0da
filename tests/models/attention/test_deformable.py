import torch

from fedmtl.config import AttentionConfig
from fedmtl.models.attention.deformable import DeformableAttention, DeformableSource, pixel_centres

CONFIG = AttentionConfig(channels=8, heads=4, points=3)


def test_points_start_on_a_ring_with_even_weights():
    looks = DeformableSource("a", CONFIG).projection(torch.rand(8)).view(4, 3, 3)
    directions = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    expected = directions[:, None] * torch.tensor([1.0, 2, 3])[None, :, None]
    torch.testing.assert_close(looks[..., :2], expected, atol=1e-6, rtol=0)
    assert looks[..., 2].count_nonzero() == 0


def test_pixel_centres_go_row_by_row():
    expected = torch.tensor([[0.25, 0.5 / 3], [0.75, 0.5 / 3], [0.25, 1.5 / 3], [0.75, 1.5 / 3]])
    torch.testing.assert_close(pixel_centres(3, 2, torch.device("cpu"))[:4], expected)


def test_at_first_a_query_gathers_the_mean_of_its_ring_in_every_source():
    block = DeformableAttention(CONFIG, ["a", "b"], seed=0)
    torch.nn.init.eye_(block.value.weight)
    torch.nn.init.zeros_(block.value.bias)
    values = torch.rand(1, 2, 9, 9, 8)
    gathered = block.attend(values[:, :1], values, values)[0, 0]
    # Head 0 owns channels 0 and 1, and looks 1, 2 and 3 pixels to the right.
    torch.testing.assert_close(gathered[4, 4, :2], values[0, :, 4, 5:8, :2].mean(dim=(0, 1)))
    # Head 3 owns channels 6 and 7, and looks up.
    torch.testing.assert_close(gathered[4, 4, 6:], values[0, :, 1:4, 4, 6:].mean(dim=(0, 1)))


def test_weights_are_shared_out_over_all_sources_together():
    block = DeformableAttention(CONFIG, ["a", "b"], seed=0)
    with torch.no_grad():
        block.sources["b"].projection.bias.view(4, 3, 3)[..., 2] = 40
    values = torch.rand(1, 2, 9, 9, 8)
    silenced = values.clone()
    silenced[:, 0] = 0
    query = values[:, :1]
    torch.testing.assert_close(
        block.attend(query, values, values)[:, :, 4, 4], block.attend(query, values, silenced)[:, :, 4, 4]
    )
