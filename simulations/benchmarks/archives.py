"""Published data sets with made-up images: what the archives have on disk, in their files' types and full sizes.

Images are rendered rooms with sensor noise, so that they compress about as photographs do. Few are made; the other ids
are further names of the same files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fedmtl.data.rooms import Rooms
from simulations.benchmarks.archive_contents import contents

DISTINCT = 4
SPLITS = ("train", "val")
BUILDINGS = {"train": "allensville", "val": "corozal"}


@dataclass(frozen=True)
class Layout:
    """How an archive lies on disk.

    Attributes:
        kind: of the data source that reads it.
        size: (height, width) of its images.
        files: path → which of the `contents` of an image lies there, each path with fields `{split}`, `{index}` and
            `{building}`.
        ids: path of a split's list → its lines; none where names of folders and files are the lists.
        fixed: path → text.
    """

    kind: str
    size: tuple[int, int]
    files: Mapping[str, str]
    ids: tuple[str, str] | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)


_STREET = "{split}/aachen/aachen_{index:06}_000019"
_POINT = "{building}/point_{index}_view_0_domain"
_FOLDER = """
name: folder
tasks:
  semseg: {kind: semseg, classes: [a, b, c, d, e, f, g, h, i, j, k, l]}
  depth: {kind: depth}
  normals: {kind: normals}
  edge: {kind: edge}
"""

LAYOUTS: Mapping[str, Layout] = {
    "NYUDv2": Layout(
        "nyud",
        (448, 576),
        {
            "images/{index:04}.png": "image",
            "segmentation/{index:04}.png": "classes",
            "depth/{index:04}.npy": "metres",
            "normals/{index:04}.png": "normals",
            "edge/{index:04}.png": "edge",
        },
        ("gt_sets/{split}.txt", "{index:04}"),
    ),
    "NYUD_MT (MTI-Net)": Layout(
        "nyud",
        (480, 640),
        {
            "images/{index:04}.jpg": "image",
            "segmentation/{index:04}.png": "classes",
            "depth/{index:04}.npy": "metres",
            "normals/{index:04}.npy": "vectors",
            "edge/{index:04}.npy": "edge_share",
        },
        ("gt_sets/{split}.txt", "{index:04}"),
    ),
    "NYUD_MT (ASTMT)": Layout(
        "nyud",
        (480, 640),
        {
            "images/{index:04}.jpg": "image",
            "segmentation/{index:04}.mat": "segmentation",
            "depth/{index:04}.mat": "depth",
            "normals/{index:04}.jpg": "normals",
            "edge/{index:04}.png": "edge",
        },
        ("gt_sets/{split}.txt", "{index:04}"),
    ),
    "PASCALContext": Layout(
        "pascal-context",
        (375, 500),
        {
            "JPEGImages/{index:04}.jpg": "image",
            "semseg/VOC12/{index:04}.png": "classes",
            "human_parts/{index:04}.mat": "anno",
            "pascal-context/trainval/{index:04}.mat": "LabelMap",
            "normals_distill/{index:04}.png": "normals",
            "sal_distill/{index:04}.png": "saliency",
        },
        ("ImageSets/Context/{split}.txt", "{index:04}"),
    ),
    "Taskonomy": Layout(
        "taskonomy",
        (512, 512),
        {
            f"rgb/{_POINT}_rgb.png": "image",
            f"segment_semantic/{_POINT}_segmentsemantic.png": "classes",
            f"depth_euclidean/{_POINT}_depth_euclidean.png": "depth_512",
            f"normal/{_POINT}_normal.png": "normals",
            f"edge_texture/{_POINT}_edge_texture.png": "strength",
            f"keypoints2d/{_POINT}_keypoints2d.png": "strength",
            f"principal_curvature/{_POINT}_principal_curvature.png": "normals",
            f"reshading/{_POINT}_reshading.png": "shading",
            f"segment_unsup2d/{_POINT}_segment_unsup2d.png": "regions",
            f"segment_unsup25d/{_POINT}_segment_unsup25d.png": "regions",
            f"class_object/{_POINT}_class_object.npy": "objects",
            f"class_scene/{_POINT}_class_places.npy": "scenes",
            f"point_info/{_POINT}_fixatedpose.json": "camera",
        },
    ),
    "Cityscapes": Layout(
        "cityscapes",
        (1024, 2048),
        {
            f"leftImg8bit/{_STREET}_leftImg8bit.png": "image",
            f"gtFine/{_STREET}_gtFine_labelIds.png": "classes",
            f"gtFinePanopticParts/{_STREET}_gtFinePanopticParts.tif": "panoptic_parts",
            f"disparity/{_STREET}_disparity.png": "disparity",
        },
    ),
    "folder": Layout(
        "folder",
        (480, 640),
        {
            "images/{index:04}.jpg": "image",
            "semseg/{index:04}.png": "indices",
            "depth/{index:04}.png": "millimetres",
            "normals/{index:04}.png": "normals",
            "edge/{index:04}.png": "edge",
        },
        ("{split}.txt", "{index:04}"),
        {"dataset.yaml": _FOLDER},
    ),
}


def write_archive(layout: Layout, root: Path, images: int) -> None:
    """Write `images` of training and one of validation below `root`."""
    height, width = layout.size
    rooms = Rooms(height=height, width=width, train=DISTINCT)
    made: list[Mapping[str, Path]] = []
    ids: dict[str, list[str]] = {split: [] for split in SPLITS}
    for index in range(images + 1):
        split = SPLITS[index == images]
        at = {"split": split, "index": index, "building": BUILDINGS[split]}
        paths = {pattern: root / pattern.format(**at) for pattern in layout.files}
        for path in paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        if index < DISTINCT:
            # One of each site.
            having = contents(rooms.load(f"{index}/train-0", list(rooms.tasks)), set(layout.files.values()))
            for pattern, path in paths.items():
                _save(path, layout.files[pattern], having[layout.files[pattern]])
            made.append(paths)
        else:
            for pattern, path in paths.items():
                os.link(made[index % DISTINCT][pattern], path)
        if layout.ids is not None:
            ids[split].append(layout.ids[1].format(**at))
    texts = dict(layout.fixed)
    if layout.ids is not None:
        texts |= {layout.ids[0].format(split=split): "\n".join(those) for split, those in ids.items()}
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")


def _save(path: Path, variable: str, array: Any) -> None:
    """In the type that the suffix says."""
    match path.suffix:
        case ".json":
            path.write_text(json.dumps(array), encoding="utf-8")
        case ".npy":
            np.save(path, array)
        case ".mat":
            from scipy.io import savemat  # slow to import

            savemat(path, {variable: array}, do_compression=True)  # as MATLAB does
        case ".jpg":
            Image.fromarray(array).save(path, quality=90)
        case ".tif":
            Image.fromarray(array).save(path, compression="tiff_lzw")
        case _:
            Image.fromarray(array).save(path)
