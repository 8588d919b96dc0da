"""What the benchmark counts in an image, at every threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fedmtl.tasks.bsds.matching import Matcher
from fedmtl.tasks.bsds.suppression import suppress
from fedmtl.tasks.bsds.thinning import thin

THRESHOLDS = np.arange(1, 100) / 100


@dataclass(frozen=True)
class Counts:
    """Counts of boundary pixels in one image.

    Attributes:
        true: of the thinned truth.
        predicted: at each threshold, (99,) int64.
        matched: of those, how many are paired with a true one; at each tolerance and threshold, (D, 99) int64.
    """

    true: int
    predicted: NDArray[np.int64]
    matched: NDArray[np.int64]

    def best(self, tolerance: int) -> int:
        """The index of the threshold with the largest F = 2·matched / (predicted + true), the lowest of equals."""
        return int(np.argmax(self.matched[tolerance] / np.maximum(self.predicted + self.true, 1)))


def count_boundaries(
    probability: NDArray[np.float64], truth: NDArray[np.int8], tolerances: Sequence[float]
) -> Counts:
    """Suppress, and then for each threshold 0.01 … 0.99: binarise, thin, match.

    Args:
        probability: of a boundary, (H, W).
        truth: 1 for a boundary, 0 for none, −1 unlabelled; (H, W). The image is the rectangle around what is labelled;
            nothing is predicted where it is not.
        tolerances: the greatest distances within a pair, as shares of the image's diagonal.
    """
    matched = np.zeros((len(tolerances), len(THRESHOLDS)), np.int64)
    predicted = np.zeros(len(THRESHOLDS), np.int64)
    labelled = truth >= 0
    if not labelled.any():
        return Counts(0, predicted, matched)
    image = _around(labelled)
    lines = thin(truth[image] == 1)
    strength = suppress(np.where(labelled, _as_in_a_png(probability), 0)[image])
    candidates, diagonal = strength > THRESHOLDS[0], math.hypot(*lines.shape)
    matchers = [Matcher(lines, candidates, tolerance * diagonal) for tolerance in tolerances]
    # From the highest threshold, where there are few pixels: each set has nearly all pixels of the one before.
    above = -1
    for k in range(len(THRESHOLDS) - 1, -1, -1):
        binary = strength > THRESHOLDS[k]
        count = int(np.count_nonzero(binary))
        if count == above:  # the same pixels, since none goes as thresholds fall
            predicted[k], matched[:, k] = predicted[k + 1], matched[:, k + 1]
            continue
        above = count
        thinned = thin(binary)
        predicted[k] = np.count_nonzero(thinned)
        matched[:, k] = [matcher.count(thinned) for matcher in matchers]
    return Counts(int(np.count_nonzero(lines)), predicted, matched)


def count_all(
    probabilities: NDArray[np.float64], truths: NDArray[np.int8], tolerances: Sequence[float]
) -> list[Counts]:
    """`count_boundaries` of many images (B, H, W), on as many threads as torch has."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(
            pool.map(lambda one, other: count_boundaries(one, other, tolerances), probabilities, truths)
        )


def _as_in_a_png(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """In steps of 1/255, rounded down: the field measures predictions that were written to files like that."""
    return np.floor(255 * probability) / 255


def _around(labelled: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest rectangle that has everything labelled."""
    rows, columns = np.flatnonzero(labelled.any(1)), np.flatnonzero(labelled.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
