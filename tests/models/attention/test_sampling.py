import numpy as np
import pytest
import torch

from fedmtl.errors import ModelError
from fedmtl.models.attention import deformable_sample

B, T, H, W, M, D, Q, K, P = 2, 3, 4, 5, 2, 3, 6, 3, 2


def naive(value, locations, weights, sources=None):
    """The definition, one sample at a time."""
    out = np.zeros((B, locations.shape[1], M, D))
    for b, q, m, k, p in np.ndindex(*weights.shape):
        source = k if sources is None else sources[b, q, k]
        x, y = locations[b, q, m, k, p] * (W, H) - 0.5
        for i in (int(np.floor(y)), int(np.floor(y)) + 1):
            for j in (int(np.floor(x)), int(np.floor(x)) + 1):
                if 0 <= i < H and 0 <= j < W:
                    area = (1 - abs(y - i)) * (1 - abs(x - j))
                    out[b, q, m] += weights[b, q, m, k, p] * area * value[b, source, i, j, m]
    return out.reshape(B, -1, M * D)


def inputs(slots=K, low=-0.5, high=1.5):
    rng = np.random.default_rng(0)
    value = rng.standard_normal((B, T, H, W, M, D))
    locations = rng.uniform(low, high, (B, Q, M, slots, P, 2))
    weights = rng.standard_normal((B, Q, M, slots, P))
    return value, locations, weights


def sample(value, locations, weights, sources=None, **options):
    tensors = [torch.from_numpy(array) for array in (value, locations, weights)]
    return deformable_sample(
        *tensors, None if sources is None else torch.from_numpy(sources), **options
    ).numpy()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.5, 1.5), (-40, 40)])
def test_equals_the_definition_inside_at_the_border_and_far_outside(low, high):
    arrays = inputs(low=low, high=high)
    np.testing.assert_allclose(sample(*arrays), naive(*arrays), atol=1e-12)


@pytest.mark.parametrize("slots", [1, 3, 5])
def test_each_query_can_choose_its_sources(slots):
    arrays = inputs(slots)
    sources = np.random.default_rng(1).integers(0, T, (B, Q, slots))
    np.testing.assert_allclose(sample(*arrays, sources), naive(*arrays, sources), atol=1e-12)


def test_the_default_is_every_source_in_order():
    arrays = inputs()
    np.testing.assert_array_equal(sample(*arrays), sample(*arrays, np.tile(np.arange(T), (B, Q, 1))))


def test_a_pixels_centre_reads_the_pixel_and_outside_is_zero():
    value = np.arange(float(H * W)).reshape(1, 1, H, W, 1, 1) + 1
    centres = [[(j + 0.5) / W, (i + 0.5) / H] for i in range(H) for j in range(W)]
    outside = [[-0.5 / W, 0.5 / H], [0.5 / W, -0.5 / H], [1 + 0.5 / W, 0.5 / H], [0.5 / W, 1 + 0.5 / H]]
    locations = np.array(centres + outside).reshape(1, -1, 1, 1, 1, 2)
    read = sample(value, locations, np.ones(locations.shape[:-1])).ravel()
    np.testing.assert_allclose(read, [*value.ravel(), 0, 0, 0, 0], atol=1e-12)


def test_the_edge_fades_to_zero_over_half_a_pixel():
    value = np.ones((1, 1, H, W, 1, 1))
    locations = np.array([[0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]).reshape(1, 3, 1, 1, 1, 2)
    read = sample(value, locations, np.ones((1, 3, 1, 1, 1))).ravel()
    np.testing.assert_allclose(read, [0.5, 0.5, 0.25])


def test_neighbouring_tasks_never_leak_into_each_other():
    value, locations, weights = inputs(low=-2, high=3)
    silent = value.copy()
    silent[:, [0, 2]] = 0
    only = weights.copy()
    only[:, :, :, [0, 2]] = 0
    np.testing.assert_allclose(sample(value, locations, only), sample(silent, locations, weights), atol=1e-12)


@pytest.mark.parametrize("with_sources", [False, True])
def test_gradients_are_those_of_the_definition(with_sources):
    value, locations, weights = (torch.from_numpy(array).requires_grad_() for array in inputs())
    sources = torch.tensor([2, 0, 2]).expand(B, Q, K) if with_sources else None
    torch.autograd.gradcheck(
        lambda *tensors: deformable_sample(*tensors, sources), (value, locations, weights)
    )


def test_the_result_has_the_values_dtype():
    value, locations, weights = (torch.from_numpy(array).float() for array in inputs())
    half = deformable_sample(value.bfloat16(), locations, weights)
    assert half.dtype == torch.bfloat16
    expected = deformable_sample(value.bfloat16().float(), locations, weights)
    torch.testing.assert_close(half, expected.bfloat16())


def test_an_unknown_backend_is_named():
    arrays = inputs()
    with pytest.raises(ModelError, match="unknown sampling backend 'plian': did you mean 'plain'"):
        sample(*arrays, backend="plian")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, at, w: (v[0], at, w, None), "takes value"),
        (lambda v, at, w: (v, at[..., :1], w, None), "locations should be"),
        (lambda v, at, w: (v, at, w[:1], None), "weights should be"),
        (lambda v, at, w: (v, at[:, :, :, :2], w[:, :, :, :2], None), "locations should be"),
        (lambda v, at, w: (v, at, w, np.zeros((B, Q, 1), int)), "sources should be"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change, message):
    with pytest.raises(ModelError, match=message):
        sample(*change(*inputs()))
