"""Parts of persons from the annotations of PASCAL-Part (Chen et al. 2014)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.files import FileError, read_mat
from fedmtl.tasks.semseg import IGNORE

CLASSES = ("background", "head", "torso", "upper arm", "lower arm", "upper leg", "lower leg")
PERSON = 15
"""`class_ind` of a person."""
PARTS = {
    **dict.fromkeys(("hair", "head", "lear", "lebrow", "leye", "mouth", "nose", "rear", "rebrow", "reye"), 1),
    **dict.fromkeys(("neck", "torso"), 2),
    **dict.fromkeys(("luarm", "ruarm"), 3),
    **dict.fromkeys(("lhand", "llarm", "rhand", "rlarm"), 4),
    **dict.fromkeys(("luleg", "ruleg"), 5),
    **dict.fromkeys(("lfoot", "llleg", "rfoot", "rlleg"), 6),
}
"""`part_name` → class. Left and right are one, so nothing is exchanged where an image is mirrored."""


def read_parts(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The parts of all persons, as class indices (H, W) uint8; 255 everywhere where no part of a person is labelled.

    Args:
        path: a MATLAB file with a struct `anno`, whose `objects` have a `class_ind`, a `mask` and `parts`; these have a
            `part_name` and a `mask`. Later parts lie on top.
        size: what the label is like where the file has no object, and so no size.

    Raises:
        FileError: the file cannot be read, or has another structure or an unknown part.
    """
    anno = read_mat(path, "anno")
    try:
        objects = anno["objects"][0, 0].ravel()
        label = np.zeros(objects[0]["mask"].shape if objects.size else size or (1, 1), np.uint8)
        for found in objects:
            # Of an object without parts, `parts` is an empty array without fields.
            if int(found["class_ind"].item()) == PERSON and found["parts"].size:
                for part in found["parts"].ravel():
                    label[part["mask"].astype(np.bool_)] = PARTS[str(part["part_name"].item())]
    except KeyError as error:
        raise FileError(
            path, f"has a part of a person that is called {error}, which PASCAL-Part does not know"
        ) from None
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise FileError(path, f"has not the structure of PASCAL-Part's annotations: {error}") from error
    return label if label.any() else np.full(label.shape, IGNORE, np.uint8)
