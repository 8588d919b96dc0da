"""Telling, before anything is trained, that images would not be measured at their own scale.

The field's padding only pads, so published figures on PASCAL-Context and NYUD-v2 are of images as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from fedmtl.config import DataConfig, Resize
from fedmtl.data.base import Source
from fedmtl.data.transforms import Size, inscribe
from fedmtl.errors import ConfigError

LOOKED_AT = 16
"""Images of a split, spread over it: where one lies, another may stand."""
MULTIPLE = 32
"""Pixels that a suggested height or width is a multiple of, as most backbones have it."""


def check_scale(sources: Iterable[Source], data: DataConfig) -> None:
    """Refuse images that `data.resize=keep` would shrink; some of every split are decoded, without their labels.

    Raises:
        ConfigError: an image is larger than `data.image_size`; names it, and the ways out.
        DataError: an image cannot be read; names the file.
    """
    if data.resize is not Resize.keep:
        return
    size = (data.image_size[0], data.image_size[1])
    each_once = {id(source): source for source in sources}.values()
    found = [image for source in each_once for image in _images(source)]
    for name, original in found:
        inner, _ = inscribe(original, size, data.resize)
        if inner != original:
            height, width = (_enough(size[axis], [image[axis] for _, image in found]) for axis in (0, 1))
            raise ConfigError(
                f"data.resize=keep: {name} is {_words(original)} and would be shrunk to {_words(inner)}, so that "
                f"metrics would not be those of its own scale; set data.image_size=[{height},{width}], or "
                "data.resize=pad to train and measure on shrunk images"
            )


def _images(source: Source) -> Iterator[tuple[str, Size]]:
    """Some images of every split: their names, and their (height, width)."""
    for split in ("train", "val", "test"):
        ids = source.ids(split)
        for sample_id in ids[:: max(1, math.ceil(len(ids) / LOOKED_AT))]:
            height, width = source.load(sample_id, []).image.shape[:2]
            files = source.files(sample_id, [])
            yield str(files[0]) if files else f"image '{sample_id}'", (height, width)


def _enough(axis: int, lengths: Iterable[int]) -> int:
    """A height or width that holds all images: as it is, or the next multiple."""
    longest = max(lengths)
    return axis if longest <= axis else math.ceil(longest / MULTIPLE) * MULTIPLE


def _words(size: Size) -> str:
    """Width and height, as pictures' sizes are usually said."""
    return f"{size[1]}x{size[0]}"
