"""Predictions beside labels, as pictures that travel inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fedmtl.errors import DataError

Picture = NDArray[np.uint8]
"""RGB (H, W, 3)."""


@dataclass(frozen=True)
class PanelRow:
    """One task of an image: `label` is None where the client has none for it; words say what a picture cannot."""

    task: str
    label: Picture | None
    prediction: Picture
    label_words: str = ""
    prediction_words: str = ""


@dataclass(frozen=True)
class Panel:
    """One image of a client with its labels and what the client's model predicts."""

    client: str
    image_id: str
    image: Picture
    rows: Sequence[PanelRow]


def data_uri(picture: Picture) -> str:
    """The picture as a PNG in a data URI.

    Raises:
        DataError: it is not RGB uint8.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise DataError(f"a picture is (H, W, 3) uint8, not {picture.shape} {picture.dtype}")
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
