"""One client's images as a torch data set."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fedmtl.config import CacheKind, DataConfig
from fedmtl.data import transforms
from fedmtl.data.base import Source
from fedmtl.data.decoded import DecodedCache, Prepared, default_folder
from fedmtl.data.labels import is_labelled
from fedmtl.tasks.base import Task


class Item(TypedDict):
    """One image, ready to be stacked into a batch.

    `image` is float32 (C, H, W), in [0, 1] where it was uint8 and raw otherwise; the model normalises. A task
    without a label has a target that says so everywhere. `index` is the position in the data set.
    """

    image: Tensor
    targets: dict[str, Tensor]
    labelled: dict[str, bool]
    index: int


class ClientDataset(Dataset[Item]):
    """Some images of a source, with the labels of some tasks, at one size.

    An image is decoded and resized once and then kept, uint8 images and labels as compact as their kinds have them, so
    that later epochs cost only the augmentation and the border. `config.cache` says where: in memory, on the disk, or
    not at all. On the disk it is shared by all clients that hold the image. Images of sources without files, which are
    drawn, are kept in memory rather than on the disk.

    Args:
        source: where images come from.
        ids: the client's sample ids, in this order.
        tasks: the tasks to load labels of.
        config: image size, resizing, augmentation and caching.

    Raises:
        ConfigError: a task's labels cannot follow the augmentation.
    """

    def __init__(self, source: Source, ids: Sequence[str], tasks: Sequence[Task], config: DataConfig) -> None:
        self.source = source
        self.ids = tuple(ids)
        self.tasks = {task.name: task for task in tasks}
        self.config = config
        transforms.check_augmentation(config.augment, tasks)
        self.size = (config.image_size[0], config.image_size[1])
        self._cache: dict[int, Prepared] = {}
        self._disk = self._open_disk()
        self.in_memory = config.cache is not CacheKind.none and self._disk is None
        self._decoded = False
        self._unlabelled = {task.name: task.target(task.unlabelled(self.size)) for task in tasks}

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Item:
        return self.item(index)

    def item(self, index: int, rng: np.random.Generator | None = None) -> Item:
        """The image at `index`, augmented with `rng` if that is given.

        Raises:
            DataError: the sample cannot be read; names the file.
        """
        prepared = self._prepared(index)
        image, labels = prepared.image, prepared.labels
        if rng is None:
            image, labels = transforms.frame(image, labels, self.tasks, self.size)
        else:
            image, labels = transforms.augment(image, labels, self.tasks, self.config.augment, rng, self.size)
        pixels = transforms.to_float(image)
        if rng is not None and self.config.augment.color > 0:
            photometric = (
                transforms.jitter if image.dtype == np.uint8 and len(pixels) == 3 else transforms.gain
            )
            pixels = photometric(pixels, self.config.augment.color, rng)
        targets = {
            # Geometry leaves mirrored views, which torch cannot wrap.
            name: task.target(np.ascontiguousarray(task.seen(labels[name], pixels)))
            if name in labels
            else self._unlabelled[name]
            for name, task in self.tasks.items()
        }
        labelled = {name: name in labels for name in self.tasks}
        return {"image": torch.from_numpy(pixels), "targets": targets, "labelled": labelled, "index": index}

    def preload(self, threads: int) -> None:
        """Fill the memory now."""
        missing = [index for index in range(len(self)) if index not in self._cache]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._prepared, missing))

    def is_decoded(self) -> bool:
        """Whether every image has been decoded and kept, as far as the cache's names tell; true once it was."""
        if not self._decoded:
            if self._disk is not None:
                self._decoded = all(self._disk.has(sample_id) for sample_id in self.ids)
            else:
                self._decoded = len(self._cache) == len(self)
        return self._decoded

    def _prepared(self, index: int) -> Prepared:
        if self._disk is not None:
            return self._disk.get(self.ids[index], lambda tasks: self._prepare(index, tasks))
        prepared = self._cache.get(index)
        if prepared is None:
            prepared = self._prepare(index, list(self.tasks))
            if self.in_memory:
                self._cache[index] = prepared
        return prepared

    def _prepare(self, index: int, tasks: Sequence[str]) -> Prepared:
        sample = self.source.load(self.ids[index], tasks)
        image, labels = transforms.scale_into(
            sample.image, sample.labels, self.tasks, self.size, self.config.resize
        )
        size = (image.shape[0], image.shape[1])
        return Prepared(
            image,
            {name: label for name, label in labels.items() if is_labelled(self.tasks[name], label, size)},
        )

    def _open_disk(self) -> DecodedCache | None:
        """The cache on the disk, where that is asked for and the images are of files."""
        if self.config.cache is not CacheKind.disk or not self.ids:
            return None
        if not self.source.files(self.ids[0], list(self.tasks)):
            return None
        folder = Path(self.config.cache_folder).expanduser() if self.config.cache_folder else default_folder()
        form = [*self.size, self.config.resize.value]
        return DecodedCache(folder, self.source, list(self.tasks.values()), form)
