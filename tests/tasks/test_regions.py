"""Regions against the definitions, pair by pair; with few enough pixels, the lattice has them all."""

from itertools import product

import numpy as np
import pytest
import torch

from fedmtl.tasks.palette import UNLABELLED
from fedmtl.tasks.regions import EMBEDDING, LATTICE, NEAR
from tests.tasks.examples import make

TASK = make("regions")
RNG = np.random.default_rng(0)


def embeddings(size, scale=0.3):
    return torch.from_numpy(scale * RNG.standard_normal((1, EMBEDDING, *size))).float()


def by_pairs(output, label):
    """(Squared distance, whether of one region) of each ordered pair of two labelled pixels."""
    vectors, regions = output[0].flatten(1).T.double().numpy(), label.ravel()
    known = np.flatnonzero(regions >= 0)
    return [
        (np.square(vectors[p] - vectors[q]).sum(), regions[p] == regions[q])
        for p, q in product(known, known)
        if p != q
    ]


def naive_loss(pairs):
    costs = [
        -np.log(2 / (1 + np.exp(d))) if same else -np.log(1 - 2 / (1 + np.exp(d + NEAR))) for d, same in pairs
    ]
    return np.mean(costs)


def case():
    label = RNG.integers(-1, 4, (5, 6)).astype(np.int32)
    output = embeddings(label.shape, 0.08)
    return output, label, TASK.target(label)[None]


def test_loss_is_taskonomy_s_over_all_pairs():
    output, label, target = case()
    assert TASK.loss(output, target).item() == pytest.approx(naive_loss(by_pairs(output, label)), rel=1e-4)


def test_metrics_equal_counting_pairs():
    output, label, target = case()
    pairs = by_pairs(output, label)
    said, same = (
        np.array(each) for each in zip(*[(2 / (1 + np.exp(d)) > 0.5, s) for d, s in pairs], strict=True)
    )
    n11, n00, n10, n01 = (sum(each) for each in (said & same, ~said & ~same, ~said & same, said & ~same))
    expected = 2 * (n00 * n11 - n01 * n10) / ((n00 + n01) * (n01 + n11) + (n00 + n10) * (n10 + n11))
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert 0 < n11 < same.sum()
    assert metrics["pair_ARI"] == pytest.approx(100 * expected)
    assert metrics["pair_accuracy"] == pytest.approx(100 * (n11 + n00) / len(pairs))
    assert metrics["pair_loss"] == pytest.approx(naive_loss(pairs), rel=1e-4)


def test_pair_ari_of_decisions_that_make_up_regions_is_the_usual_one():
    truth, guess = np.int32([[0, 0, 1, 1, 2, 2]]), np.array([0, 0, 0, 1, 1, 2])
    output = 9 * torch.nn.functional.one_hot(torch.from_numpy(guess), EMBEDDING).T[None, :, None].float()
    # Hubert and Arabie (1985): Σ over cells C(n, 2) is 1, over rows 3, over columns 4, of 15 pairs.
    expected = (1 - 3 * 4 / 15) / ((3 + 4) / 2 - 3 * 4 / 15)
    metrics = TASK.metrics(TASK.statistics(output, TASK.target(truth)[None]))
    assert metrics["pair_ARI"] == pytest.approx(100 * expected)


def test_regions_may_be_numbered_in_any_way():
    output, label, target = case()
    renamed = np.where(label < 0, label, np.int32([200, 3, 70000, 11])[label])
    other = TASK.target(renamed)[None]
    torch.testing.assert_close(TASK.loss(output, other), TASK.loss(output, target), rtol=0, atol=0)
    statistics = TASK.statistics(output, target)
    for name, total in TASK.statistics(output, other).items():
        torch.testing.assert_close(total, statistics[name], rtol=0, atol=0)
    np.testing.assert_array_equal(TASK.picture(renamed), TASK.picture(label))


def test_only_pixels_of_the_lattice_are_compared_and_every_cell_has_one():
    size = (3 * LATTICE, 2 * LATTICE)
    output = embeddings(size).requires_grad_()
    TASK.loss(output, TASK.target(RNG.integers(0, 5, size).astype(np.int32))[None]).backward()
    reached = output.grad[0].abs().sum(0) > 0
    assert reached.sum() == LATTICE**2
    assert reached[1::3, 1::2].all()


def test_images_are_not_compared_with_each_other():
    label = np.zeros((2, 4, 4), np.int32)
    output = torch.cat([torch.zeros(1, EMBEDDING, 4, 4), torch.full((1, EMBEDDING, 4, 4), 7.0)])
    assert TASK.loss(output, torch.from_numpy(label)) == 0


def test_equal_embeddings_of_two_regions_cost_much_and_are_told_apart_by_descent():
    target = torch.tensor([[[0, 0, 1, 1]]], dtype=torch.int32)
    output = torch.full((1, EMBEDDING, 1, 4), 0.5)
    assert 1 < TASK.loss(output, target) < 10
    output = (output + 1e-3 * embeddings((1, 4))).requires_grad_()
    optimizer = torch.optim.Adam([output], lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        TASK.loss(output, target).backward()
        optimizer.step()
    assert TASK.metrics(TASK.statistics(output, target))["pair_ARI"] == pytest.approx(100)


def test_raw_labels_of_either_depth():
    np.testing.assert_array_equal(TASK.decode(np.array([[0, 7, 255]], np.uint8)), [[0, 7, -1]])
    np.testing.assert_array_equal(TASK.decode(np.array([[0, 255, 65535]], np.uint16)), [[0, 255, -1]])


def test_a_prediction_is_the_regions_of_a_clear_embedding():
    label = np.repeat(np.repeat(np.int32([[0, 1, 1], [2, 2, 0]]), 20, 0), 20, 1)
    output = (
        3 * torch.nn.functional.one_hot(torch.from_numpy(label).long(), EMBEDDING).permute(2, 0, 1).float()
    )
    predicted = TASK.predict(output + 0.05 * embeddings(label.shape)[0])
    assert len(np.unique(predicted)) == 3
    pairs = {(int(a), int(b)) for a, b in zip(predicted.ravel(), label.ravel(), strict=True)}
    assert len(pairs) == 3


def test_an_embedding_without_numbers_has_regions_too():
    assert TASK.predict(torch.full((EMBEDDING, 3, 4), float("nan"))).shape == (3, 4)


def test_a_predicted_region_has_the_colour_of_what_it_covers():
    label = np.int32([[5, 5, 5, 9, 9, -1]])
    prediction = np.int32([[1, 1, 1, 1, 0, 0]])
    shown, truth = TASK.picture(prediction, reference=label)[0], TASK.picture(label)[0]
    np.testing.assert_array_equal(shown[0], truth[0])
    np.testing.assert_array_equal(shown[3], truth[0] // 2)  # the border of the first region
    assert tuple(truth[5]) == UNLABELLED
