"""Bringing an image and its labels to size, and augmenting them for training.

An image is (H, W, C), its labels are in their kinds' canonical encoding; what geometry does to a label is the
kind's affair (`Task.resize`, `flip`, `rotate`, `zoom`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from fedmtl.config import AugmentConfig, Resize
from fedmtl.errors import ConfigError
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.geometry import turn

Labels = dict[str, Label]
Size = tuple[int, int]

MEAN_COLOR = np.array([124, 116, 104], dtype=np.uint8)
"""ImageNet's mean: zero, after the normalisation that the model does."""
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def fit(
    image: NDArray[Any], labels: Mapping[str, Label], tasks: Mapping[str, Task], size: Size, resize: Resize
) -> tuple[NDArray[Any], Labels]:
    """Bring a sample to (height, width), distorted (`stretch`) or whole in the middle of a border (`pad`, `keep`)."""
    return frame(*scale_into(image, labels, tasks, size, resize), tasks, size)


def scale_into(
    image: NDArray[Any], labels: Mapping[str, Label], tasks: Mapping[str, Task], size: Size, resize: Resize
) -> tuple[NDArray[Any], Labels]:
    """Bring a sample to the size that it has within (height, width): what `fit` does, but for the border."""
    inner = size if resize is Resize.stretch else inscribe(_size_of(image), size, resize)[0]
    return _resize(image, labels, tasks, inner)


def frame(
    image: NDArray[Any], labels: Mapping[str, Label], tasks: Mapping[str, Task], size: Size
) -> tuple[NDArray[Any], Labels]:
    """Put a sample into the middle of (height, width): the image onto mean colour (or zero), labels onto unlabelled.

    A sample of that size stays as it is.
    """
    if _size_of(image) == size:
        return image, dict(labels)
    top, left = _middle(_size_of(image), size)
    window = (slice(top, top + image.shape[0]), slice(left, left + image.shape[1]))
    canvas = np.zeros((*size, image.shape[2]), dtype=image.dtype)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        canvas[:] = MEAN_COLOR
    canvas[window] = image
    placed = {}
    for name, label in labels.items():
        placed[name] = label
        if tasks[name].dense:
            placed[name] = np.array(tasks[name].unlabelled(size))
            placed[name][window] = label
    return canvas, placed


def inscribe(original: Size, size: Size, resize: Resize) -> tuple[Size, Size]:
    """The size that an image has, whole and undistorted, in the middle of `size`, and its upper left corner there."""
    factor = min(size[0] / original[0], size[1] / original[1], 1 if resize is Resize.keep else math.inf)
    inner = (max(1, round(original[0] * factor)), max(1, round(original[1] * factor)))
    return inner, _middle(inner, size)


def check_augmentation(config: AugmentConfig, tasks: Iterable[Task]) -> None:
    """Raise ConfigError where a task's labels cannot follow a zoom that the augmentation has."""
    for task in tasks:
        if tuple(config.scale) != (1, 1) and not task.zoomable:
            raise ConfigError(
                f"data.augment.scale: labels of task '{task.name}' ({task.spec.kind}) cannot follow a zoom into a part "
                "of the image; set it to [1, 1], or leave the task out"
            )


def augment(
    image: NDArray[Any],
    labels: Mapping[str, Label],
    tasks: Mapping[str, Task],
    config: AugmentConfig,
    rng: np.random.Generator,
    size: Size | None = None,
) -> tuple[NDArray[Any], Labels]:
    """Mirror with probability 1/2, turn by a uniform angle, and zoom by a uniform factor; the dtype stays.

    Args:
        image: (H, W, C), without a border.
        labels: the image's labels.
        tasks: the labels' tasks.
        config: which of these are done, and how far.
        rng: what all is drawn from.
        size: (height, width) of the result, no smaller than the image, which gets a border; None: the image's.
    """
    size = size or _size_of(image)
    low, high = config.scale
    zooms = low != 1 or high != 1
    # A zoom takes its window out of the image, so the border comes after it; else the border turns with the image.
    image, labels = (image, dict(labels)) if zooms else frame(image, labels, tasks, size)
    if config.flip and rng.random() < 0.5:
        image = image[:, ::-1]
        labels = {name: tasks[name].flip(label) for name, label in labels.items()}
    if config.rotation > 0:
        image, labels = rotate(image, labels, tasks, rng.uniform(-config.rotation, config.rotation))
    if zooms:
        image, labels = zoom(image, labels, tasks, rng.uniform(low, high), rng, size)
    return image, labels


def rotate(
    image: NDArray[Any], labels: Mapping[str, Label], tasks: Mapping[str, Task], degrees: float
) -> tuple[NDArray[Any], Labels]:
    """Turn a sample counterclockwise about its middle; the size stays, and corners are as around a padded image."""
    turned = rotate_image(image, degrees)
    return turned, {name: tasks[name].rotate(label, degrees) for name, label in labels.items()}


def zoom(
    image: NDArray[Any],
    labels: Mapping[str, Label],
    tasks: Mapping[str, Task],
    factor: float,
    rng: np.random.Generator,
    size: Size | None = None,
) -> tuple[NDArray[Any], Labels]:
    """Scale a sample; of an axis that is then too long, keep a random part, and put one too short into the middle.

    This is scaling, cropping and padding as ATRC has it (Brüggemann et al., "Exploring Relational Context for
    Multi-Task Dense Prediction", 2021), and InvPT and TaskPrompter after it, but for their second draws of a crop that
    one class fills.

    Args:
        image: (H, W, C), without a border.
        labels: the image's labels.
        tasks: the labels' tasks.
        factor: above 1 magnifies.
        rng: what the part is drawn from.
        size: (height, width) of the result; None: the image's.
    """
    size = size or _size_of(image)
    # Cut before it is scaled: nothing is scaled to be thrown away.
    rows, height = _cut(image.shape[0], size[0], factor, rng)
    columns, width = _cut(image.shape[1], size[1], factor, rng)
    cut = {name: label[rows, columns] if tasks[name].dense else label for name, label in labels.items()}
    image, labels = _resize(image[rows, columns], cut, tasks, (height, width))
    image, labels = frame(image, labels, tasks, size)
    return image, {name: tasks[name].zoom(label, factor) for name, label in labels.items()}


def to_float(image: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, C) as float32 (C, H, W): uint8 divided by 255, other values as they are."""
    planes = image.transpose(2, 0, 1)
    if image.dtype == np.uint8:
        planes = np.multiply(planes, np.float32(1 / 255), dtype=np.float32)
    return np.array(planes, dtype=np.float32, order="C")


def jitter(image: NDArray[np.float32], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change brightness, contrast and saturation of RGB (3, H, W) in [0, 1] by random factors 1 ± `strength`.

    With brightness b, contrast c, saturation s, grey g(x) = luma · x and m the image's mean grey, all three
    are one affine map: x' = S(c b x) + (1 - c) b m, where S(x) = s x + (1 - s) g(x).
    """
    brightness, contrast, saturation = np.maximum(0, 1 + strength * rng.uniform(-1, 1, 3)).astype(np.float32)
    mean_grey = LUMA @ image.mean(axis=(1, 2))
    matrix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * LUMA
    out: NDArray[np.float32] = (contrast * brightness * matrix) @ image.reshape(3, -1)
    out += (1 - contrast) * brightness * mean_grey
    np.clip(out, 0, 1, out=out)
    return out.reshape(image.shape)


def gain(image: NDArray[np.float32], strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Multiply an image of any sensor by one random factor 1 ± `strength` / 2."""
    return image * np.float32(1 + strength / 2 * rng.uniform(-1, 1))


def resize_image(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """Resize (H, W, C) to (height, width), bilinear and antialiased; the dtype stays."""
    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8 and image.shape[2] in (1, 3):  # Pillow is several times as fast
        picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
        resized = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
        return resized.reshape(*size, image.shape[2])
    planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    scaled = torch.nn.functional.interpolate(planes, size=size, mode="bilinear", antialias=True)
    return np.ascontiguousarray(scaled[0].permute(1, 2, 0).numpy())


def rotate_image(image: NDArray[Any], degrees: float) -> NDArray[Any]:
    """Turn (H, W, C) counterclockwise about its middle, bilinear, onto the mean colour (or zero); the dtype stays."""
    if image.dtype == np.uint8 and image.shape[2] in (1, 3):
        grey = image.shape[2] == 1
        picture = Image.fromarray(image[:, :, 0] if grey else np.ascontiguousarray(image))
        around = 0 if grey else tuple(MEAN_COLOR.tolist())
        turned = np.asarray(picture.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=around))
        return turned.reshape(image.shape)
    height, width = image.shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = torch.tensor([[[cos, -sin * height / width, 0], [sin * width / height, cos, 0]]])
    planes = torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
    grid = torch.nn.functional.affine_grid(matrix, list(planes.shape), align_corners=False)
    sampled = torch.nn.functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
    sampled *= torch.from_numpy(
        turn(np.ones((height, width), bool), degrees, np.zeros((height, width), bool))
    )
    rounded = sampled.round() if image.dtype == np.uint8 else sampled
    return rounded[0].permute(1, 2, 0).numpy().astype(image.dtype)


def _size_of(image: NDArray[Any]) -> Size:
    return image.shape[0], image.shape[1]


def _middle(inner: Size, size: Size) -> Size:
    """The upper left corner of `inner` in the middle of `size`."""
    return (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2


def _cut(old: int, new: int, factor: float, rng: np.random.Generator) -> tuple[slice, int]:
    """What of an axis of `old` pixels, scaled by `factor`, is kept in `new` pixels, and its length there."""
    scaled = max(1, round(old * factor))
    if scaled <= new:
        return slice(0, old), scaled
    length = min(old, max(1, round(new / factor)))
    start = int(rng.integers(old - length + 1))
    return slice(start, start + length), new


def _resize(
    image: NDArray[Any], labels: Mapping[str, Label], tasks: Mapping[str, Task], size: Size
) -> tuple[NDArray[Any], Labels]:
    return resize_image(image, size), {
        name: tasks[name].resize(label, size) for name, label in labels.items()
    }
