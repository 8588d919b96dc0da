"""Predictions as files: raw as a data set holds them, and to look at."""

import json

import numpy as np
import pytest
from PIL import Image

from fedmtl.errors import DataError, RunError
from fedmtl.loading import load
from simulations.predictions import write_prediction

SIZE = (40, 60)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(path)
    return path


def test_every_task_of_the_client_is_written_at_the_images_own_size(tmp_path, straight, photo):
    out = tmp_path / "out"
    written = write_prediction(load(straight.path, "c"), photo, out)
    raw, view, values = out / "depth/photo.png", out / "depth/photo.view.png", out / "photo.json"
    assert sorted(written) == sorted([raw, view, values])
    with Image.open(raw) as depth, Image.open(view) as picture:
        assert depth.size == picture.size == (SIZE[1], SIZE[0])
        assert depth.mode.startswith("I")
        assert picture.mode == "RGB"
    model = load(straight.path, "c")
    summary = json.loads(values.read_text())["room_type"]
    classes = model.tasks["room_type"].spec.classes
    assert summary["class"] == classes[int(model.predict(photo)["room_type"][0])]
    assert list(summary["probabilities"]) == list(classes)
    assert summary["class"] == max(summary["probabilities"], key=summary["probabilities"].get)


def test_raw_maps_decode_to_the_prediction(tmp_path, straight, photo):
    model = load(straight.path, "a")
    write_prediction(model, photo, tmp_path / "out")
    predicted = model.predict(photo)
    for name, task in model.tasks.items():
        with Image.open(tmp_path / "out" / name / "photo.png") as image:
            decoded = task.decode(np.array(image))
        np.testing.assert_allclose(decoded, predicted[name], atol=0.001)


def test_a_file_that_is_no_image_is_refused_and_named(tmp_path, straight):
    path = tmp_path / "no.png"
    path.write_text("no")
    with pytest.raises(DataError, match=r"no\.png"):
        write_prediction(load(straight.path, "b"), path, tmp_path / "out")


def test_an_output_folder_that_cannot_be_made_is_an_error(tmp_path, straight, photo):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(RunError, match="out cannot be written"):
        write_prediction(load(straight.path, "b"), photo, tmp_path / "out")
