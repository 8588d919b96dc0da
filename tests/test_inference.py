from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fedmtl.config import Resize
from fedmtl.data.transforms import fit, to_float
from fedmtl.errors import DataError
from fedmtl.inference import TrainedModel
from tests.training.local import MODEL, SIZE, TASKS, network

ODD = (45, 31)


@pytest.fixture(scope="module")
def model():
    tasks = {task.name: task for task in TASKS}
    return TrainedModel("a", network().eval(), tasks, TASKS, MODEL, 3, SIZE, Resize.stretch)


def photo(size=ODD, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("size", [ODD, SIZE, (1, 1), (200, 3)])
def test_predictions_have_the_images_own_size(model, resize, size):
    predictions = replace(model, resize=resize).predict(photo(size))
    assert predictions["depth"].shape == size
    assert predictions["depth"].dtype == np.float32
    assert predictions["semseg"].shape == size
    assert predictions["semseg"].dtype == np.uint8
    assert predictions["room"].shape == (1,)
    for name, task in model.tasks.items():
        task.picture(predictions[name])


def test_predictions_in_full_are_the_labels_with_words_where_a_task_is_of_the_whole_image(model):
    image = photo()
    full = model.predict_in_full(image)
    for name, label in model.predict(image).items():
        np.testing.assert_array_equal(full[name].label, label)
        assert bool(full[name].summary) == (not model.tasks[name].dense)
    assert full["room"].summary["class"] == model.tasks["room"].words(full["room"].label)


def test_at_the_models_size_it_is_what_the_network_says(model):
    image = photo(SIZE)
    with torch.no_grad():
        output = model.network(torch.from_numpy(to_float(image))[None]).predictions
    for name, prediction in model.predict(image).items():
        np.testing.assert_array_equal(prediction, model.tasks[name].predict(output[name][0]))


def test_the_border_of_a_padded_image_is_cut_off(model):
    """A tall image stands in the middle of the model's: what is predicted beside it is not seen."""
    padded, size = replace(model, resize=Resize.pad), (SIZE[0], 12)
    image = photo(size)
    fitted, _ = fit(image, {}, {}, SIZE, Resize.pad)
    left = (SIZE[1] - 12) // 2
    whole = model.predict(fitted)
    for name in ("depth", "semseg"):
        np.testing.assert_array_equal(padded.predict(image)[name], whole[name][:, left : left + 12])


def test_a_file_is_read_like_an_array(model, tmp_path):
    image = photo()
    path = tmp_path / "photo.png"
    Image.fromarray(image).save(path)
    expected = model.predict(image)
    for given in (path, str(path)):
        predictions = model.predict(given)
        assert all((predictions[name] == expected[name]).all() for name in expected)


def test_only_the_models_tasks_are_predicted(model):
    alone = replace(model, tasks={"room": model.tasks["room"]})
    assert set(alone.predict(photo())) == {"room"}


def test_predicting_twice_gives_the_same(model):
    first, second = model.predict(photo()), model.predict(photo())
    assert all((first[name] == second[name]).all() for name in first)


@pytest.mark.parametrize("image", [photo(channels=1), photo(channels=4), photo()[:, :, 0]])
def test_other_channels_are_refused(model, image):
    with pytest.raises(
        DataError, match=r"the image has shape .*, where the model takes \(height, width, 3\)"
    ):
        model.predict(image)


def test_files_that_are_no_images_are_named(model, tmp_path):
    (tmp_path / "note.png").write_text("not a picture")
    for name in ("note.png", "nowhere.png"):
        with pytest.raises(DataError, match=name):
            model.predict(tmp_path / name)
