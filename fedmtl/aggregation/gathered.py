"""A round that holds all its updates until it ends, for methods that compare clients with each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedmtl.aggregation.base import Round, Start, Update
from fedmtl.exchange.layout import CHUNK, Vector

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Holder:
    """A client's part in one group: a vector, what training added unless a round says otherwise; its weight."""

    client: str
    vector: Vector
    weight: float


class Gathered(Round):
    """Holds a round's updates; a subclass's `finish` says what becomes of them.

    Memory: every update of the round.

    Attributes:
        start: what the server had as the round began.
        holders: group → the clients that trained it, in the order in which they were added. Groups without a
            holder, and updates without weight, are not in it.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.holders: dict[str, list[Holder]] = {}

    def add(self, update: Update) -> None:
        for group, vector in update.vectors.items():
            if update.weights[group] > 0:
                holder = Holder(update.client, vector, update.weights[group])
                self.holders.setdefault(group, []).append(holder)

    @property
    def clients(self) -> list[str]:
        """Who holds any group, by name."""
        return sorted({holder.client for holders in self.holders.values() for holder in holders})

    def places(self, group: str) -> list[int]:
        """Where in `clients` the holders of a group are."""
        clients = self.clients
        return [clients.index(holder.client) for holder in self.holders[group]]

    def gramian(self, groups: Iterable[str], *, centred: bool = False) -> Matrix:
        """The inner products of the clients' vectors over several groups, (K, K), in the order of `clients`.

        A client has zeros for a group that it does not hold.

        Args:
            groups: some of those that have holders.
            centred: of what each group's vectors are less their mean.
        """
        count = len(self.clients)
        products = np.zeros((count, count))
        for group in groups:
            places = self.places(group)
            vectors = [holder.vector for holder in self.holders[group]]
            products[np.ix_(places, places)] += gramian(vectors, centred=centred)
        return products


def gramian(vectors: Sequence[Vector], *, centred: bool = False) -> Matrix:
    """The inner products of K vectors, (K, K), summed in float64.

    Args:
        centred: of what they are less their mean.
    """
    products = np.zeros((len(vectors), len(vectors)))
    for place in chunks(vectors[0].size):
        rows = np.stack([vector[place] for vector in vectors]).astype(np.float64)
        if centred:
            rows -= rows.mean(axis=0)
        products += rows @ rows.T
    return products


def cosines(products: Matrix) -> Matrix:
    """The cosines of vectors with these inner products, (K, K); 0 beside a vector of zeros, its own included."""
    norms = np.sqrt(np.diag(products))
    scale = np.outer(norms, norms)
    found: Matrix = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return found


def squared_distances(products: Matrix) -> Matrix:
    """‖a − b‖² of vectors with these inner products, (K, K); centred ones lose the fewest digits."""
    sizes = np.diag(products)
    distances: Matrix = np.maximum(sizes[:, None] + sizes - 2 * products, 0)
    return distances


def combine(weights: Matrix, vectors: Sequence[Vector]) -> list[Vector]:
    """Σ_k weights[r, k] · vectors[k] for each row r of the weights (R, K)."""
    combined = [np.empty_like(vectors[0]) for _ in weights]
    for place in chunks(vectors[0].size):
        rows = weights.astype(np.float32) @ np.stack([vector[place] for vector in vectors])
        for vector, row in zip(combined, rows, strict=True):
            vector[place] = row
    return combined


def weighted_mean(vectors: Sequence[Vector], holders: Sequence[Holder]) -> Vector:
    """The mean of one vector a holder, by the holders' weights."""
    weights = np.array([holder.weight for holder in holders])
    return combine(weights[None] / weights.sum(), vectors)[0]


def chunks(size: int) -> Iterator[slice]:
    """Consecutive parts of a vector, so that no matrix of whole vectors is ever made."""
    return (slice(begin, begin + CHUNK) for begin in range(0, size, CHUNK))
