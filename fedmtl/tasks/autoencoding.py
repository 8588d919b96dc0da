"""Autoencoding: the image itself, through a bottleneck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.tasks.base import Label
from fedmtl.tasks.dense_regression import DenseRegression


class Autoencoding(DenseRegression):
    """Red, green and blue from 0 to 1, (H, W, 3) float32, −1 unlabelled; learned by the L1 distance.

    The label is made of the image, so no file holds it. Metrics, over the numbers of all images together: `mae` and
    `rmse`, from 0 to 1, and `psnr` = −20 · log10(rmse), in decibels.
    """

    of_image: ClassVar[bool] = True
    class_counts: ClassVar[range] = range(1)

    @property
    def channels(self) -> int:
        """Red, green, blue."""
        return 3

    def decode(self, raw: NDArray[Any]) -> Label:
        """The image (H, W, 3) uint8, divided by 255."""
        self._require(raw.dtype == np.uint8 and raw.ndim == 3 and raw.shape[2] == 3, "uint8 (H, W, 3)", raw)
        return raw / np.float32(255)

    def encode(self, label: Label) -> NDArray[Any]:
        """The image (H, W, 3) uint8, black where unlabelled."""
        return (255 * label.clip(0)).round().astype(np.uint8)

    def seen(self, label: Label, image: NDArray[np.float32]) -> Label:
        """The colours that the network sees, wherever there is a label.

        Were the target the colours before the jitter, a network would have to guess how much brighter an image was
        made, which it cannot see: it would learn to pull every image towards the usual brightness, and be wrong of
        dark and bright ones where nothing was jittered. A jitter is one map of colours, no noise: to give back what
        is seen stays what autoencoding is. The image is also turned and resized smoothly, and labels pixel by pixel.
        """
        return np.where(label < 0, label, image.transpose(1, 2, 0))

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`mae`, `rmse` and `psnr`; the last is infinite where nothing is wrong."""
        of_numbers = super().metrics(statistics)
        with np.errstate(divide="ignore"):
            return of_numbers | {"psnr": float(-20 * np.log10(of_numbers["rmse"]))}
