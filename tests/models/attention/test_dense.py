import pytest
import torch

from fedmtl.config import AttentionConfig
from fedmtl.models.attention import FullAttention, PooledAttention


def config(pool=2):
    return AttentionConfig(channels=8, heads=2, pool=pool)


def tokens(height, width, tasks=2):
    return torch.rand(3, tasks, height, width, 8, generator=torch.Generator().manual_seed(0))


def test_full_attention_by_hand():
    block = FullAttention(config(), ["a", "b"], seed=0)
    x = tokens(2, 3)
    q, k, v = (f(x).view(3, 12, 2, 4) for f in (block.query, block.key, block.value))
    weights = (torch.einsum("bqmd,bkmd->bmqk", q, k) / 2).softmax(dim=-1)
    expected = torch.einsum("bmqk,bkmd->bqmd", weights, v).reshape(x.shape)
    torch.testing.assert_close(block.attend(x, x, x).values, expected)


def test_pooling_by_one_is_full_attention():
    full, pooled = FullAttention(config(), ["a", "b"], 0), PooledAttention(config(pool=1), ["a", "b"], 0)
    pooled.load_state_dict(full.state_dict())
    x = tokens(4, 5)
    torch.testing.assert_close(pooled.attend(x, x, x).values, full.attend(x, x, x).values)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 7)])
def test_keys_and_values_are_means_of_what_is_there(height, width):
    block = PooledAttention(config(pool=2), ["a", "b"], 0)
    x = tokens(height, width)
    pooled = block._pool(x)
    assert pooled.shape == (3, 2, -(-height // 2), -(-width // 2), 8)
    torch.testing.assert_close(pooled[:, :, 0, 0], x[:, :, :2, :2].mean(dim=(2, 3)))


def test_a_border_that_is_not_full_is_the_mean_of_what_it_has():
    x = tokens(5, 7)
    pooled = PooledAttention(config(pool=2), ["a", "b"], 0)._pool(x)
    torch.testing.assert_close(pooled[:, :, -1, -1], x[:, :, -1, -1])
