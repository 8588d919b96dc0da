"""What holds for every kind of task."""

import json

import numpy as np
import pytest
import torch

from fedmtl.errors import ConfigError, DataError
from fedmtl.tasks import TASKS, Task, TaskSpec, build_task
from tests.tasks.examples import (
    CLASSES,
    DENSE,
    KINDS,
    NINE,
    SIZE,
    WITHOUT_CLASSES,
    batch,
    make,
    perfect_output,
    random_label,
)

every_kind = pytest.mark.parametrize("kind", KINDS)
dense_kind = pytest.mark.parametrize("kind", DENSE)
# The field's measure of boundaries fades them towards the frame, and thins them from one side first.
exact_kind = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "boundary"])
mirrored_kind = pytest.mark.parametrize("kind", [kind for kind in DENSE if kind != "boundary"])

TOLERANCE = {"normals": 0.01}
"""Half a step of an 8-bit PNG, in all three components."""
SPATIAL = tuple(NINE)
"""Image-level kinds whose labels say where something is."""


def test_every_builtin_kind_is_tested():
    assert set(TASKS.builtin) == set(KINDS)


@every_kind
def test_a_task_knows_its_name_and_primary_metric(kind):
    task = make(kind)
    output, target = batch(task, 4)
    metrics = task.metrics(task.statistics(output, target))
    assert task.name == f"my {kind}"
    assert task.metric in metrics
    assert all(np.isfinite(value) for value in metrics.values())


@every_kind
def test_loss_reaches_the_output_and_is_finite(kind):
    task = make(kind)
    output, target = batch(task, 4)
    output.requires_grad_()
    task.loss(output, target).backward()
    assert output.grad.isfinite().all()
    assert output.grad.abs().sum() > 0


@every_kind
def test_a_step_down_the_gradient_lowers_the_loss(kind):
    task = make(kind)
    output, target = batch(task, 4)
    output.requires_grad_()
    loss = task.loss(output, target)
    loss.backward()
    assert task.loss(output - 1e-3 * output.grad / output.grad.norm(), target) < loss


@every_kind
def test_a_zero_output_has_a_bounded_gradient(kind):
    task = make(kind)
    output, target = batch(task, 4)
    output = torch.zeros_like(output, requires_grad=True)
    task.loss(output, target).backward()
    assert output.grad.norm() < 1e3


@every_kind
def test_without_labels_loss_and_gradient_are_zero_and_metrics_nan(kind):
    task = make(kind)
    output, _ = batch(task, 2)
    target = torch.stack([task.target(task.unlabelled(SIZE))] * 2)
    output.requires_grad_()
    loss = task.loss(output, target)
    loss.backward()
    assert loss == 0
    assert torch.equal(output.grad, torch.zeros_like(output))
    assert all(np.isnan(value) for value in task.metrics(task.statistics(output, target)).values())


@every_kind
def test_unlabelled_elements_do_not_count(kind):
    task = make(kind)
    output, target = batch(task, 3)
    nothing, hidden = batch(task, 1, seed=1)[0], task.target(task.unlabelled(SIZE))[None]
    more, more_target = torch.cat([output, nothing]), torch.cat([target, hidden])
    assert task.loss(more, more_target) == pytest.approx(task.loss(output, target).item(), rel=1e-5)
    for name, total in task.statistics(more, more_target).items():
        torch.testing.assert_close(total, task.statistics(output, target)[name])


@exact_kind
def test_a_perfect_prediction_is_best_and_cheap(kind):
    task = make(kind)
    output, target = batch(task, 8)
    best = perfect_output(task, target)
    value = task.metrics(task.statistics(best, target))[task.metric]
    assert value == pytest.approx(100 if task.higher_is_better else 0, abs=0.05)
    assert task.loss(best, target) < 0.01 * task.loss(output, target)


@every_kind
def test_statistics_of_a_batch_are_the_sum_over_its_parts(kind):
    task = make(kind)
    output, target = batch(task, 5)
    whole = task.statistics(output, target)
    first, second = task.statistics(output[:2], target[:2]), task.statistics(output[2:], target[2:])
    for name in whole:
        torch.testing.assert_close(first[name] + second[name], whole[name], rtol=1e-6, atol=1e-9)


@every_kind
def test_the_order_of_images_does_not_matter(kind):
    task = make(kind)
    output, target = batch(task, 5)
    order = torch.tensor([3, 0, 4, 2, 1])
    for name, total in task.statistics(output[order], target[order]).items():
        torch.testing.assert_close(total, task.statistics(output, target)[name], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(task.loss(output[order], target[order]), task.loss(output, target))


@mirrored_kind
def test_turning_images_and_labels_upside_down_changes_nothing(kind):
    task = make(kind)
    output, target = batch(task, 3)
    for name, total in task.statistics(output.flip(-2), target.flip(-2)).items():
        torch.testing.assert_close(total, task.statistics(output, target)[name], rtol=1e-6, atol=1e-9)


@every_kind
def test_statistics_are_float64_on_the_cpu_without_a_graph(kind):
    task = make(kind)
    output, target = batch(task, 2)
    for total in task.statistics(output.requires_grad_(), target).values():
        assert (total.dtype, total.device.type, total.requires_grad) == (torch.float64, "cpu", False)


@every_kind
def test_statistics_keep_their_shapes_whatever_the_batch(kind):
    task = make(kind)
    few, many = (task.statistics(*batch(task, count)) for count in (1, 7))
    assert {name: total.shape for name, total in few.items()} == {
        name: total.shape for name, total in many.items()
    }


@every_kind
def test_bf16_outputs_give_nearly_the_same(kind):
    task = make(kind)
    output, target = batch(task, 4)
    rough = output.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = task.loss(rough, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(task.loss(output, target).item(), rel=0.02)
    assert task.statistics(rough, target).keys() == task.statistics(output, target).keys()
    assert task.predict(rough[0]).dtype == task.predict(output[0]).dtype


@every_kind
def test_decode_inverts_encode(kind):
    task = make(kind)
    rng = np.random.default_rng(0)
    for label in (random_label(task, rng) for _ in range(4)):
        if kind in ("autoencoding", "boundary", "edge", "saliency"):
            label = np.abs(label)
        again = task.decode(task.encode(label))
        assert again.dtype == label.dtype
        np.testing.assert_allclose(again, label, atol=TOLERANCE.get(kind, 0))


@every_kind
def test_a_prediction_is_encoded_like_a_label(kind):
    task = make(kind)
    output, target = batch(task, 1)
    label = random_label(task, np.random.default_rng(0))
    prediction = task.predict(output[0])
    assert (prediction.shape, prediction.dtype) == (label.shape, label.dtype)
    assert task.target(prediction).shape == target[0].shape
    assert task.encode(prediction).shape == label.shape


@every_kind
def test_flipping_twice_changes_nothing(kind):
    task = make(kind)
    label = random_label(task, np.random.default_rng(0))
    np.testing.assert_allclose(task.flip(task.flip(label)), label, atol=1e-6 if kind in SPATIAL else 0)


@every_kind
def test_flipped_and_read_only_labels_become_targets(kind):
    task = make(kind)
    label = random_label(task, np.random.default_rng(0))
    label.setflags(write=False)
    target = task.target(label)
    target += 0  # in memory of its own, so a batch never writes into a cache
    mirrored = task.target(task.flip(label))
    if task.dense:
        sign = torch.tensor([-1, 1, 1]).reshape(3, 1, 1) if kind == "normals" else 1
        torch.testing.assert_close(mirrored, (target.flip(-1) * sign).to(target.dtype))
    elif kind not in SPATIAL:
        torch.testing.assert_close(mirrored, target, equal_nan=True)


@every_kind
@pytest.mark.parametrize("size", [SIZE, (3, 4), (12, 16), (5, 11), (9, 3)])
def test_resizing_gives_the_size_and_no_new_values(kind, size):
    task = make(kind)
    label = random_label(task, np.random.default_rng(0))
    resized = task.resize(label, size)
    assert resized.dtype == label.dtype
    if task.dense:
        assert resized.shape == size + label.shape[2:]
        assert np.isin(resized, label).all()
    else:
        assert resized is label


@every_kind
def test_turning_once_round_changes_nothing_and_a_corner_has_no_label(kind):
    task = make(kind)
    label = random_label(task, np.random.default_rng(0))
    turned = task.rotate(label, 45)
    assert turned.dtype == label.dtype
    if task.dense:
        np.testing.assert_allclose(task.rotate(label, 360), label, atol=1e-6)
        np.testing.assert_array_equal(turned[0, 0], task.unlabelled((1, 1))[0, 0])
    elif kind in SPATIAL:
        np.testing.assert_allclose(task.rotate(turned, -45), label, atol=1e-6)
    else:
        assert turned is label


@dense_kind
def test_the_unlabelled_stays_unlabelled(kind):
    task = make(kind)
    nothing = task.unlabelled((4, 4))
    for changed in (
        task.resize(nothing, SIZE),
        task.flip(task.unlabelled(SIZE)),
        task.rotate(task.unlabelled(SIZE), 20),
        task.zoom(task.unlabelled(SIZE), 2),
    ):
        np.testing.assert_array_equal(changed, task.unlabelled(SIZE))


@every_kind
def test_pictures_are_rgb(kind):
    task = make(kind)
    output, _ = batch(task, 1)
    label = random_label(task, np.random.default_rng(0))
    for shown in (label, task.predict(output[0]), task.unlabelled(SIZE)):
        picture = task.picture(shown, reference=label)
        assert picture.dtype == np.uint8
        assert picture.shape == (*SIZE, 3) if task.dense else picture.shape[2] == 3


@every_kind
def test_what_is_no_map_has_words(kind):
    task = make(kind)
    for label in (random_label(task, np.random.default_rng(0)), task.predict(batch(task, 1)[0][0])):
        assert bool(task.words(label)) is not task.dense


@every_kind
def test_what_is_no_map_has_a_summary_that_json_can_hold(kind):
    task = make(kind)
    summary = task.summary(batch(task, 1)[0][0])
    assert bool(summary) is not task.dense
    assert json.loads(json.dumps(summary)) == summary


def test_a_kind_that_has_no_summary_of_its_own_has_its_numbers_by_name_where_there_are_names():
    output = torch.tensor([1.0, 2.0, 3.0])
    assert Task.summary(make("regression"), output) == {"values": dict(zip(CLASSES, (1, 2, 3), strict=True))}
    assert Task.summary(make("classification"), output) == {"values": [2]}


@every_kind
def test_equal_labels_have_equal_pictures_on_any_scale(kind):
    task = make(kind)
    label = random_label(task, np.random.default_rng(0))
    np.testing.assert_array_equal(task.picture(label), task.picture(label.copy(), reference=label))


@dense_kind
def test_a_raw_label_of_the_wrong_form_is_refused(kind):
    task = make(kind)
    for raw in (np.zeros((4, 4), np.float64), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint16)):
        with pytest.raises(DataError, match=f"task 'my {kind}': a {kind} label is"):
            task.decode(raw)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(DENSE)))
def test_a_row_with_too_many_columns_is_refused(kind):
    with pytest.raises(DataError, match=f"task 'my {kind}': a {kind} label is"):
        make(kind).decode(np.zeros(4))


@pytest.mark.parametrize("kind", WITHOUT_CLASSES)
def test_a_kind_without_classes_refuses_them(kind):
    with pytest.raises(DataError, match=f"'x' has 3 classes, but kind '{kind}' takes none"):
        build_task(TaskSpec("x", kind, CLASSES))


@pytest.mark.parametrize(
    ("kind", "takes"),
    [
        ("semseg", "2 to 255"),
        ("human_parts", "2 to 255"),
        ("classification", "at least 2"),
        ("multilabel", "at least 1"),
        ("soft_classification", "at least 2"),
        ("room_layout", "9"),
        ("vanishing_points", "9"),
    ],
)
def test_a_kind_with_classes_needs_them(kind, takes):
    with pytest.raises(DataError, match=f"has 0 classes, but kind '{kind}' takes {takes}"):
        build_task(TaskSpec("x", kind))


def test_class_names_are_distinct():
    with pytest.raises(DataError, match="names a class twice"):
        build_task(TaskSpec("x", "semseg", ("road", "road")))


def test_an_unknown_kind_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"unknown task kind 'semsge': did you mean 'semseg'\?"):
        build_task(TaskSpec("x", "semsge"))
