"""Batches of a client's images, the same whatever loads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fedmtl.data.dataset import ClientDataset, Item
from fedmtl.data.threaded import Threaded
from fedmtl.seeding import numpy_rng, torch_generator


@dataclass(frozen=True)
class Batch:
    """Some images and what is known of them.

    Attributes:
        image: (B, C, H, W) float32.
        targets: task → (B, …), as its kind's loss takes it.
        labelled: task → (B,) bool, which images have a label of it.
        ids: sample ids.
    """

    image: Tensor
    targets: Mapping[str, Tensor]
    labelled: Mapping[str, Tensor]
    ids: list[str]

    @property
    def num_images(self) -> int:
        """B."""
        return len(self.ids)

    def to(self, device: torch.device | str) -> Batch:
        """The batch on `device`; asynchronous from pinned memory."""
        return Batch(
            self.image.to(device, non_blocking=True),
            {task: target.to(device, non_blocking=True) for task, target in self.targets.items()},
            {task: labelled.to(device, non_blocking=True) for task, labelled in self.labelled.items()},
            self.ids,
        )

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory; the DataLoader calls this."""
        return Batch(
            self.image.pin_memory(),
            {task: target.pin_memory() for task, target in self.targets.items()},
            {task: labelled.pin_memory() for task, labelled in self.labelled.items()},
            self.ids,
        )


class Loader(Protocol):
    """Batches of one epoch."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __iter__(self) -> Iterator[Batch]:
        """In order."""
        ...


def make_loader(
    dataset: ClientDataset,
    batch_size: int,
    *,
    training: bool,
    seed: int = 0,
    words: Sequence[str | int] = (),
    workers: int = 0,
    batches: Sequence[list[int]] | None = None,
) -> Loader:
    """A loader of one epoch, cheap enough to make anew each time; iterate over it once.

    In training, order and augmentation are random, keyed by (seed, words) and, for augmentation, the sample's
    id: neither the number of workers nor anything else that draws random numbers changes them. Otherwise
    images come in order and as they are.

    Args:
        dataset: the client's images; its cache outlives the loader.
        batch_size: images a batch; the last may be smaller, or in training larger by one.
        training: whether to shuffle and augment.
        seed: the run's.
        words: what the randomness is for, for example (round, client, epoch).
        workers: loader processes, or threads once all images are decoded; 0 loads where the batches are taken.
        batches: the positions of each batch's images, in place of those that `batch_size` and order make.
    """
    epoch = _Epoch(dataset, seed, (*words,)) if training else dataset
    if batches is None:
        batches = _batches(len(dataset), batch_size, training, seed, words)
    if workers and dataset.in_memory:
        dataset.preload(workers)
    if workers and dataset.is_decoded():
        return Threaded(batches, _Make(epoch, dataset.ids, pinned=torch.cuda.is_available()), workers)
    return DataLoader(
        epoch,
        batch_sampler=batches,
        collate_fn=_Collate(dataset.ids),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        # Else each iterator would take a number from torch's global generator.
        generator=torch_generator(seed, "loader", *words),
    )


class _Epoch(Dataset[Item]):
    """A data set under the augmentation of one epoch."""

    def __init__(self, dataset: ClientDataset, seed: int, words: tuple[str | int, ...]) -> None:
        self.dataset, self.seed, self.words = dataset, seed, words

    def __getitem__(self, index: int) -> Item:
        rng = numpy_rng(self.seed, "augment", *self.words, self.dataset.ids[index])
        return self.dataset.item(index, rng)


@dataclass(frozen=True)
class _Collate:
    """Stacks items into a `Batch`."""

    ids: tuple[str, ...]

    def __call__(self, items: list[Item]) -> Batch:
        tasks = items[0]["targets"]
        return Batch(
            _stack([item["image"] for item in items]),
            {task: _stack([item["targets"][task] for item in items]) for task in tasks},
            {task: torch.tensor([item["labelled"][task] for item in items]) for task in tasks},
            [self.ids[item["index"]] for item in items],
        )


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    """As torch.stack, by NumPy: torch would start threads of its own for each thread that loads."""
    return torch.from_numpy(np.stack([tensor.numpy() for tensor in tensors]))


@dataclass(frozen=True)
class _Make:
    """Loads the items at some positions and stacks them."""

    items: Dataset[Item]
    ids: tuple[str, ...]
    pinned: bool

    def __call__(self, positions: list[int]) -> Batch:
        batch = _Collate(self.ids)([self.items[position] for position in positions])
        return batch.pin_memory() if self.pinned else batch


def _batches(
    count: int, batch_size: int, training: bool, seed: int, words: Sequence[str | int]
) -> list[list[int]]:
    """Indices batch by batch.

    In training a last single image joins the batch before it: batch normalisation would normalise it by its
    own statistics alone, and cannot at all where its map is one pixel.
    """
    order = list(range(count))
    if training:
        order = numpy_rng(seed, "order", *words).permutation(count).tolist()
    batches = [order[start : start + batch_size] for start in range(0, count, batch_size)]
    if training and batch_size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches
