"""CelebA's lists and images as the authors, torchvision and Kaggle's mirror lay them out: six small faces."""

from pathlib import Path

import numpy as np

from tests.data.nyud_archive import put

SIZE = (22, 18)
# fmt: off
ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips", "Big_Nose",
    "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses",
    "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes",
    "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling",
    "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace",
    "Wearing_Necktie", "Young",
)
# fmt: on
SPLITS = (0, 0, 0, 0, 1, 2)
LAYOUTS = {
    "torchvision": ("", "", "img_align_celeba", "txt"),
    "authors": ("Anno", "Eval", "Img/img_align_celeba", "txt"),
    "kaggle": ("", "", "img_align_celeba/img_align_celeba", "csv"),
}
"""Layout → folders of the attributes, of the splits and of the images, and the suffix of lists."""


def has(image: int, attribute: int) -> bool:
    """Whether an image, counted from 0, has an attribute."""
    return (image + attribute) % 3 == 0


def write_celeba(root: Path, layout: str = "torchvision", *, splits: tuple[int, ...] = SPLITS) -> Path:
    anno, partition, images, suffix = LAYOUTS[layout]
    names = [f"{number:06}.jpg" for number in range(1, len(splits) + 1)]
    rng = np.random.default_rng(0)
    for name in names:
        put(root / images / name, rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    cells = [[" 1" if has(i, j) else "-1" for j in range(len(ATTRIBUTES))] for i in range(len(names))]
    if suffix == "csv":
        listed = [",".join(("image_id", *ATTRIBUTES))]
        listed += [",".join((name, *map(str.strip, row))) for name, row in zip(names, cells, strict=True)]
        split = ["image_id,partition", *(f"{name},{each}" for name, each in zip(names, splits, strict=True))]
    else:
        listed = [str(len(names)), " ".join(ATTRIBUTES) + " "]
        listed += [" ".join((name, *row)) for name, row in zip(names, cells, strict=True)]
        split = [f"{name} {each}" for name, each in zip(names, splits, strict=True)]
    for folder, name, lines in (
        (anno, "list_attr_celeba", listed),
        (partition, "list_eval_partition", split),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{name}.{suffix}").write_text("\n".join(lines) + "\n")
    return root
