import numpy as np
import pytest

from fedmtl.config import AugmentConfig, Resize
from fedmtl.data import transforms
from fedmtl.errors import ConfigError
from fedmtl.tasks import build_task, vanishing_points
from fedmtl.tasks.spec import TaskSpec

RNG = np.random.default_rng(0)
SEMSEG = build_task(TaskSpec("semseg", "semseg", tuple(map(str, range(200)))))
DEPTH = build_task(TaskSpec("depth", "depth"))
NORMALS = build_task(TaskSpec("normals", "normals"))
CURVATURE = build_task(TaskSpec("curvature", "dense_regression", ("first", "second")))
PARTS = build_task(TaskSpec("parts", "human_parts", ("background", "left arm", "right arm", "torso")))
ROOM = build_task(TaskSpec("room", "classification", ("a", "b")))
TASKS = {task.name: task for task in (SEMSEG, DEPTH, NORMALS, CURVATURE, PARTS, ROOM)}


POINTS = build_task(TaskSpec("points", "vanishing_points", vanishing_points.VALUES))
REGIONS = build_task(TaskSpec("regions", "regions"))


def rng():
    return np.random.default_rng(7)


def ramp(height, width):
    """An image whose value is its column, and class labels that say the same."""
    columns = np.broadcast_to(np.arange(width, dtype=np.uint8), (height, width))
    return np.stack([columns] * 3, axis=2), {"semseg": columns.copy()}


def sample(height=24, width=32, channels=3, dtype=np.uint8):
    normals = RNG.normal(size=(height, width, 3)).astype(np.float32)
    labels = {
        "semseg": RNG.integers(0, 200, (height, width), dtype=np.uint8),
        "depth": RNG.uniform(1, 5, (height, width)).astype(np.float32),
        "normals": normals / np.linalg.norm(normals, axis=2, keepdims=True),
        "room": np.array([1]),
    }
    return (RNG.random((height, width, channels)) * 255).astype(dtype), labels


@pytest.mark.parametrize("mode", list(Resize))
@pytest.mark.parametrize("size", [(24, 32), (12, 40), (48, 20), (1, 1)])
@pytest.mark.parametrize(
    ("channels", "dtype"), [(3, np.uint8), (1, np.uint8), (4, np.uint8), (7, np.float32)]
)
def test_everything_comes_to_size(mode, size, channels, dtype):
    image, labels = transforms.fit(*sample(24, 32, channels, dtype), TASKS, size, mode)
    assert image.shape == (*size, channels)
    assert image.dtype == dtype
    assert {labels[name].shape[:2] for name in ("semseg", "depth", "normals")} == {size}
    assert labels["room"] == 1


@pytest.mark.parametrize("mode", list(Resize))
def test_a_sample_of_the_right_size_stays_as_it_is(mode):
    image, labels = sample()
    fitted, fitted_labels = transforms.fit(image, labels, TASKS, (24, 32), mode)
    np.testing.assert_array_equal(fitted, image)
    for name, label in labels.items():
        np.testing.assert_array_equal(fitted_labels[name], label)


def test_padding_keeps_the_aspect_ratio_and_surrounds_with_nothing():
    image, labels = sample(10, 20)
    image, labels = transforms.fit(image, labels, TASKS, (20, 20), Resize.pad)
    border = np.r_[0:5, 15:20]
    np.testing.assert_array_equal(image[border], np.broadcast_to(transforms.MEAN_COLOR, (10, 20, 3)))
    for name in ("semseg", "depth", "normals"):
        nothing = TASKS[name].unlabelled((10, 20))
        np.testing.assert_array_equal(labels[name][border], nothing)
        assert not np.array_equal(labels[name][5:15], nothing)


def test_an_image_that_fits_keeps_its_scale():
    image, labels = sample(10, 20)
    fitted, fitted_labels = transforms.fit(image, labels, TASKS, (16, 25), Resize.keep)
    inside = (slice(3, 13), slice(2, 22))
    np.testing.assert_array_equal(fitted[inside], image)
    for name in ("semseg", "depth", "normals"):
        np.testing.assert_array_equal(fitted_labels[name][inside], labels[name])
    assert (fitted_labels["semseg"] != 255).sum() == 200
    shrunk, _ = transforms.fit(image, labels, TASKS, (8, 10), Resize.keep)
    padded, _ = transforms.fit(image, labels, TASKS, (8, 10), Resize.pad)
    np.testing.assert_array_equal(shrunk, padded)


def test_padding_of_other_sensors_is_zero():
    image, _ = transforms.fit(np.ones((10, 20, 5), np.float32), {}, {}, (20, 20), Resize.pad)
    np.testing.assert_array_equal(image[0], 0)


@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (6, np.float32)])
def test_shrinking_averages(channels, dtype):
    columns = np.tile(np.array([0, 200], dtype), (32, 32))[:, :, None].repeat(channels, axis=2)
    resized = transforms.resize_image(columns, (8, 8))
    np.testing.assert_allclose(resized, 100, atol=20)


def test_a_mirrored_image_has_mirrored_labels():
    image, labels = sample()
    config = AugmentConfig(flip=True, scale=(1.0, 1.0), color=0.0)
    seen = set()
    for seed in range(8):
        out, out_labels = transforms.augment(image, labels, TASKS, config, np.random.default_rng(seed))
        mirrored = not np.array_equal(out, image)
        seen.add(mirrored)
        step = -1 if mirrored else 1
        np.testing.assert_array_equal(out, image[:, ::step])
        np.testing.assert_array_equal(out_labels["semseg"], labels["semseg"][:, ::step])
        np.testing.assert_allclose(out_labels["normals"][..., 0], step * labels["normals"][:, ::step, 0])
    assert seen == {True, False}


def test_a_mirrored_left_arm_is_a_right_one():
    image, _ = ramp(4, 6)
    parts = np.broadcast_to(np.array([0, 1, 1, 2, 3, 255], np.uint8), (4, 6))
    config = AugmentConfig(flip=True, scale=(1.0, 1.0), color=0.0)
    for seed in range(8):
        out, labels = transforms.augment(image, {"parts": parts}, TASKS, config, np.random.default_rng(seed))
        mirrored = out[0, 0, 0] != 0
        np.testing.assert_array_equal(labels["parts"][0], [255, 3, 1, 2, 2, 0] if mirrored else parts[0])


@pytest.mark.parametrize(
    ("channels", "dtype"), [(3, np.uint8), (1, np.uint8), (4, np.uint8), (7, np.float32)]
)
def test_a_square_image_turned_by_a_right_angle_is_the_same_pixels(channels, dtype):
    image, labels = sample(24, 24, channels, dtype)
    out, out_labels = transforms.rotate(image, labels, TASKS, 90)
    assert out.dtype == dtype
    np.testing.assert_allclose(out, np.rot90(image), atol=1e-2)
    for name in ("semseg", "depth"):
        np.testing.assert_array_equal(out_labels[name], np.rot90(labels[name]))
    x, y, z = np.moveaxis(np.rot90(labels["normals"]), 2, 0)
    np.testing.assert_allclose(out_labels["normals"], np.stack([y, -x, z], axis=2), atol=1e-6)
    assert out_labels["room"] is labels["room"]


@pytest.mark.parametrize("degrees", [-33, 7, 90])
def test_any_sensor_is_turned_alike_and_its_labels_with_it(degrees):
    image, labels = ramp(40, 100)
    out, out_labels = transforms.rotate(image, labels, TASKS, degrees)
    spectrum, _ = transforms.rotate(image.repeat(2, axis=2).astype(np.float32), {}, {}, degrees)
    inside = transforms.rotate(np.full_like(image, 255), {}, {}, degrees)[0][:, :, 0] == 255
    labelled = out_labels["semseg"] != 255
    assert (inside & ~labelled).sum() == 0
    assert np.abs(out[:, :, 0].astype(int) - out_labels["semseg"])[inside].max() <= 1
    assert np.abs(out[:, :, 0] - spectrum[:, :, 0])[inside].max() <= 1


def test_what_a_turned_image_lacks_is_nothing():
    image, labels = sample(24, 32)
    out, out_labels = transforms.rotate(image, labels, TASKS, 45)
    np.testing.assert_array_equal(out[0, 0], transforms.MEAN_COLOR)
    assert out_labels["semseg"][0, 0] == 255
    assert out_labels["depth"][0, 0] == 0
    assert not out_labels["normals"][0, 0].any()
    grey, _ = transforms.rotate(np.ones((24, 32, 1), np.uint8), {}, {}, 45)
    assert grey[0, 0] == 0


def test_angles_span_their_range_to_both_sides():
    config = AugmentConfig(flip=False, rotation=20.0)
    right = np.broadcast_to(np.array([1, 0, 0], np.float32), (9, 9, 3))
    angles = []
    for seed in range(40):
        image, _ = ramp(9, 9)
        _, out = transforms.augment(image, {"normals": right}, TASKS, config, np.random.default_rng(seed))
        angles.append(-np.degrees(np.arctan2(out["normals"][4, 4, 1], out["normals"][4, 4, 0])))
    assert -20 <= min(angles) < -15
    assert 15 < max(angles) <= 20


@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_numbers_of_a_pixel_move_with_it_and_stay(factor):
    image, columns = ramp(40, 100)
    both = np.stack([columns["semseg"] / np.float32(255)] * 2, axis=2)
    out, labels = transforms.zoom(image, {"curvature": both}, TASKS, factor, rng())
    inside = (labels["curvature"] >= 0).all(axis=2)
    assert inside.mean() == pytest.approx(min(1, factor**2), rel=0.05)
    difference = np.abs(out[:, :, 0] - 255 * labels["curvature"][:, :, 1])[inside]
    assert difference.max() <= max(1, 1 / factor) + 1e-3


def test_augmentation_that_is_off_changes_nothing():
    image, labels = sample()
    out, out_labels = transforms.augment(
        image, labels, TASKS, AugmentConfig(flip=False, scale=(1.0, 1.0)), rng()
    )
    np.testing.assert_array_equal(out, image)
    assert all(out_labels[name] is label for name, label in labels.items())


@pytest.mark.parametrize("factor", [0.4, 0.77, 1.0, 1.3, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_zoom_moves_image_and_labels_together(factor, seed):
    image, labels = ramp(40, 100)
    out, out_labels = transforms.zoom(image, labels, TASKS, factor, np.random.default_rng(seed))
    assert out.shape == image.shape
    inside = out_labels["semseg"] != 255
    assert inside.mean() == pytest.approx(min(1, factor**2), rel=0.05)
    difference = np.abs(out[:, :, 0].astype(int) - out_labels["semseg"])[inside]
    assert difference.max() <= max(1, 1 / factor)


def test_a_zoom_brings_surfaces_nearer():
    image, labels = sample()
    labels["depth"][:] = 3
    for factor in (1.5, 0.5):
        _, out = transforms.zoom(image, labels, TASKS, factor, rng())
        np.testing.assert_allclose(out["depth"][out["depth"] > 0], 3 / factor, rtol=1e-5)


def test_zoom_factors_are_uniform_in_their_range():
    config = AugmentConfig(flip=False, scale=(0.5, 2.0))
    image, labels = sample(4, 5)
    labels = {"depth": np.full((4, 5), 3, np.float32)}
    generator = np.random.default_rng(0)
    drawn = [transforms.augment(image, labels, TASKS, config, generator)[1] for _ in range(600)]
    factors = np.array([3 / out["depth"].max() for out in drawn])
    assert factors.min() >= 0.5 - 1e-6
    assert factors.max() <= 2 + 1e-6
    for share in (0.25, 0.5, 0.75):  # of factors whose logarithm is uniform, half would be below 1
        assert np.quantile(factors, share) == pytest.approx(0.5 + share * 1.5, abs=0.08)


def test_a_magnified_image_fills_what_it_is_large_enough_for():
    image, labels = sample(24, 32)
    places = set()
    for seed in range(40):
        out, out_labels = transforms.zoom(
            image, labels, TASKS, 2.0, np.random.default_rng(seed), size=(40, 40)
        )
        assert out.shape == (40, 40, 3)
        assert (out_labels["semseg"] != 255).all()
        places.add(tuple(out_labels["semseg"][0, :4]))
    assert len(places) > 20


def test_the_part_that_is_magnified_reaches_all_sides_of_the_image():
    image, labels = ramp(24, 32)
    columns = set()
    for seed in range(60):
        _, out = transforms.zoom(image, labels, TASKS, 2.0, np.random.default_rng(seed), size=(40, 40))
        assert len(np.unique(out["semseg"])) == 20
        columns |= set(np.unique(out["semseg"]).tolist())
    assert columns == set(range(32))


def test_of_one_axis_a_part_is_taken_while_the_other_gets_a_border():
    image, labels = ramp(24, 80)
    out, out_labels = transforms.zoom(image, labels, TASKS, 1.25, rng(), size=(50, 50))
    labelled = out_labels["semseg"] != 255
    np.testing.assert_array_equal(labelled.any(axis=1), [False] * 10 + [True] * 30 + [False] * 10)
    assert labelled[10:40].all()
    np.testing.assert_array_equal(out[:10], np.broadcast_to(transforms.MEAN_COLOR, (10, 50, 3)))
    assert len(np.unique(out_labels["semseg"][20])) == 40


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("height", "width"), [(40, 100), (37, 99)])
def test_a_shrunk_image_is_in_the_middle(height, width, seed):
    image, labels = ramp(height, width)
    _, out = transforms.zoom(image, labels, TASKS, 0.5, np.random.default_rng(seed))
    inner = (round(height / 2), round(width / 2))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    expected = np.zeros((height, width), bool)
    expected[top : top + inner[0], left : left + inner[1]] = True
    np.testing.assert_array_equal(out["semseg"] != 255, expected)


@pytest.mark.parametrize("mode", list(Resize))
@pytest.mark.parametrize("size", [(24, 32), (31, 47), (48, 20)])
def test_augmentation_without_a_zoom_is_that_of_the_image_with_its_border(mode, size):
    image, labels = sample(25, 32)
    config = AugmentConfig(rotation=20.0)
    for seed in range(4):
        expected, expected_labels = transforms.augment(
            *transforms.fit(image, labels, TASKS, size, mode), TASKS, config, np.random.default_rng(seed)
        )
        inside = transforms.scale_into(image, labels, TASKS, size, mode)
        out, out_labels = transforms.augment(*inside, TASKS, config, np.random.default_rng(seed), size)
        np.testing.assert_array_equal(out, expected)
        for name, label in expected_labels.items():
            np.testing.assert_array_equal(out_labels[name], label)


@pytest.mark.parametrize("mode", list(Resize))
@pytest.mark.parametrize("size", [(40, 100), (47, 61), (90, 40)])
def test_whatever_is_augmented_comes_to_size_and_labels_follow(mode, size):
    inside = transforms.scale_into(*ramp(40, 100), TASKS, size, mode)
    config = AugmentConfig(scale=(0.5, 2.0))
    for seed in range(8):
        out, labels = transforms.augment(*inside, TASKS, config, np.random.default_rng(seed), size)
        assert out.shape == (*size, 3)
        assert labels["semseg"].shape == size
        labelled = labels["semseg"] != 255
        assert labelled.any()
        coarsest = 2 * max(1, 100 / inside[0].shape[1])
        assert np.abs(out[:, :, 0].astype(int) - labels["semseg"])[labelled].max() <= coarsest + 1


def test_a_frame_is_nothing_around_a_sample_and_leaves_labels_of_the_whole_image():
    image, labels = sample(10, 20)
    framed, framed_labels = transforms.frame(image, labels, TASKS, (13, 21))
    inside = (slice(1, 11), slice(0, 20))
    np.testing.assert_array_equal(framed[inside], image)
    np.testing.assert_array_equal(framed[0], np.broadcast_to(transforms.MEAN_COLOR, (21, 3)))
    np.testing.assert_array_equal(framed_labels["depth"][inside], labels["depth"])
    assert (framed_labels["semseg"] != 255).sum() == 200
    assert framed_labels["room"] is labels["room"]


def test_bytes_become_fractions_and_other_values_stay():
    image, _ = sample()
    np.testing.assert_allclose(transforms.to_float(image), image.transpose(2, 0, 1) / 255, atol=1e-6)
    spectrum = RNG.normal(size=(4, 5, 1)).astype(np.float32)
    planes = transforms.to_float(spectrum)
    np.testing.assert_array_equal(planes, spectrum.transpose(2, 0, 1))
    planes[:] = 0
    assert spectrum.any()


def naive_jitter(image, brightness, contrast, saturation):
    def grey(x):
        return 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]

    image = image * brightness
    image = contrast * image + (1 - contrast) * grey(image).mean()
    image = saturation * image + (1 - saturation) * grey(image)
    return np.clip(image, 0, 1)


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_jitter_is_brightness_contrast_and_saturation_in_turn(strength):
    image = RNG.random((3, 6, 8), dtype=np.float32)
    factors = 1 + strength * rng().uniform(-1, 1, 3)
    np.testing.assert_allclose(
        transforms.jitter(image, strength, rng()), naive_jitter(image, *factors), atol=1e-5
    )
    np.testing.assert_allclose(transforms.jitter(image, 0.0, rng()), image, atol=1e-6)


def test_gain_is_one_factor_for_the_image():
    image = RNG.random((30, 6, 8), dtype=np.float32)
    ratio = transforms.gain(image, 0.4, rng()) / image
    assert np.ptp(ratio) < 1e-6
    assert ratio.dtype == np.float32
    assert 0.8 <= ratio.mean() <= 1.2


def test_a_zoom_that_labels_cannot_follow_is_refused_by_the_task_s_name():
    transforms.check_augmentation(AugmentConfig(rotation=10), [POINTS, DEPTH])
    transforms.check_augmentation(AugmentConfig(scale=(0.5, 2)), [DEPTH, REGIONS])
    with pytest.raises(
        ConfigError, match=r"data\.augment\.scale: labels of task 'points' .* set it to \[1, 1\]"
    ):
        transforms.check_augmentation(AugmentConfig(scale=(0.5, 2)), [DEPTH, POINTS])


def test_labels_of_an_image_that_say_where_something_is_follow_it():
    tasks = {"points": POINTS}
    label = np.float32([0, 0, 1, 1, 0, 0, 0, 1, 0])
    image = np.zeros((4, 6, 3), np.uint8)
    turned = transforms.rotate(image, {"points": label}, tasks, 90)[1]["points"]
    np.testing.assert_allclose(turned, [0, 0, 1, 0, 1, 0, -1, 0, 0], atol=1e-6)
    padded = transforms.fit(image, {"points": label}, tasks, (8, 8), Resize.pad)[1]["points"]
    np.testing.assert_array_equal(padded, label)


def test_regions_stay_regions():
    label = {"regions": np.repeat(np.int32([[3, 7, 250]]), 4, axis=0).repeat(4, axis=1)}
    image = np.zeros((4, 12, 3), np.uint8)
    for mode in Resize:
        fitted = transforms.fit(image, label, {"regions": REGIONS}, (9, 9), mode)[1]["regions"]
        assert set(np.unique(fitted)) - {-1} == {3, 7, 250}
    zoomed = transforms.zoom(image, label, {"regions": REGIONS}, 0.5, rng())[1]["regions"]
    assert set(np.unique(zoomed)) == {-1, 3, 7, 250}
