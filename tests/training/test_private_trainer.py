import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedmtl.config import AdapterConfig, BackboneConfig, DataConfig, ModelConfig, NormKind, OptimizerKind
from fedmtl.data import ClientDataset, Sample
from fedmtl.errors import ConfigError
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy import gaussian
from fedmtl.privacy.example_level import GradientMechanism, StepSampling
from fedmtl.training import noisy_optimizer, private_trainer
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.private_trainer import PrivateTrainer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalTrainer
from tests.training.local import SIZE, TASKS, network, no_augmentation, plan, source, weights

pytest.importorskip("opacus", reason="needs the extra 'privacy'")

DEFAULT = ModelConfig(backbone=BackboneConfig(norm=NormKind.group))
"""The model that a scenario has unless it says otherwise, as a client with privacy can train it."""
PLAIN = plan(batch_size=1, lr=1.0, momentum=0.0, weight_decay=0.0, backbone_lr_scale=1.0)
"""One step of it is minus the gradient."""
NO_CLIPPING = 1e9


@pytest.fixture
def noiseless(monkeypatch):
    monkeypatch.setattr(noisy_optimizer, "add_noise", lambda total, deviation, noise: None)


def images(memory, *names):
    return ClientDataset(
        memory, names or memory.ids("train"), TASKS, DataConfig(image_size=SIZE, augment=no_augmentation())
    )


def moved(data, config=PLAIN, model=None, clip=NO_CLIPPING, multiplier=1.0, stages=None, expected=None):
    """Parameter → what one private round with every image in each step adds to it, and the result."""
    net = network(model) if model else network()
    before = weights(net)
    sampling = StepSampling(expected or len(data), 1.0, config.training.epochs)
    trainer = PrivateTrainer(
        LocalTrainer(net, TASKS, data, config, "a"), GradientMechanism(sampling, clip, multiplier)
    )
    made = stages or [Stage(make_optimizer(GroupVectors(net), config.training))]
    result = trainer.train(made, 1)
    return {name: tensor - before[name] for name, tensor in weights(net).items()}, result


def norm_of(change, other=None):
    parts = (value - other[name] if other else value for name, value in change.items())
    return math.sqrt(sum(part.double().square().sum().item() for part in parts))


@pytest.mark.parametrize("model", [None, DEFAULT], ids=["small", "default"])
def test_an_images_gradient_is_that_of_a_batch_of_it_alone(model, noiseless):
    memory = source(3, unlabelled=(1,))
    mean = None
    for name in memory.ids("train"):
        net = network(model) if model else network()
        before = weights(net)
        LocalTrainer(net, TASKS, images(memory, name), PLAIN, "a").train(
            [Stage(make_optimizer(GroupVectors(net), PLAIN.training))], 1
        )
        alone = {key: tensor - before[key] for key, tensor in weights(net).items()}
        private, _ = moved(images(memory, name), model=model)
        assert private.keys() == alone.keys()
        for key in alone:
            torch.testing.assert_close(private[key], alone[key], rtol=1e-5, atol=1e-5)
        mean = {key: (mean[key] if mean else 0) + alone[key] / 3 for key in alone}
    together, _ = moved(images(memory), model=model)
    for key, value in mean.items():
        torch.testing.assert_close(together[key], value, rtol=1e-4, atol=1e-5 * (1 + value.abs().max()))
    assert norm_of(together) > 0.1


def test_without_coupled_losses_it_is_the_gradient_of_the_batch(noiseless):
    data, config = images(source(4)), replace(PLAIN, training=replace(PLAIN.training, batch_size=4))
    net = network()
    before = weights(net)
    LocalTrainer(net, TASKS, data, config, "a").train(
        [Stage(make_optimizer(GroupVectors(net), config.training))], 1
    )
    private, _ = moved(data, config)
    for name, tensor in weights(net).items():
        torch.testing.assert_close(private[name], tensor - before[name], rtol=1e-3, atol=1e-4)


def hostile(memory, kind):
    """An image of the worst kind, which the others' data set lacks."""
    sample = memory.samples["00"]
    pixel = {"pixels": 1e8, "nan": np.nan}.get(kind)
    image = sample.image if pixel is None else np.full((*SIZE, 3), pixel, np.float32)
    labels = dict(sample.labels)
    if kind == "depth":
        labels["depth"] = np.full(SIZE, 1e6, np.float32)
    memory.samples["xx"] = Sample("xx", image, labels)
    return memory


@pytest.mark.parametrize("model", [None, DEFAULT], ids=["small", "default"])
@pytest.mark.parametrize("kind", ["usual", "depth", "pixels", "nan"])
def test_one_image_moves_the_sum_by_no_more_than_the_norm(kind, model, noiseless, caplog):
    memory, clip = hostile(source(3), kind), 0.5
    without, _ = moved(images(memory, "01", "02"), model=model, clip=clip, expected=1)
    with_it, _ = moved(images(memory, "01", "02", "xx"), model=model, clip=clip, expected=1)
    # float32 parameters of up to 100 round what is added to them.
    assert norm_of(with_it, without) <= clip * 1.001
    assert ("image xx is not finite" in caplog.text) is (kind == "nan")
    if kind == "usual":
        free, _ = moved(images(memory, "xx"), model=model, expected=1)
        assert norm_of(free) > 2 * clip  # so the test would see it
        assert norm_of(with_it, without) > 0.9 * clip


def test_an_image_changes_nothing_that_is_drawn_for_the_others(monkeypatch):
    """By dropout, or by attention that samples its sources: gradients of others would change by more than its own."""
    memory, true = hostile(source(3), "usual"), PrivateTrainer._gradients

    def drawn(*names):
        found = {}

        def gradients(self, image, parameters):
            found[image.ids[0]] = float(torch.rand(()))
            return true(self, image, parameters)

        monkeypatch.setattr(PrivateTrainer, "_gradients", gradients)
        moved(images(memory, *names))
        return found

    without, with_it = drawn("01", "02"), drawn("xx", "01", "02")
    assert len(set(with_it.values())) == 3
    assert without == {name: with_it[name] for name in ("01", "02")}


def test_the_noise_has_its_deviation_and_is_not_from_the_runs_seed():
    data = images(source(2))
    torch.manual_seed(3)
    one, _ = moved(data, clip=0.01, multiplier=300.0, expected=2)
    torch.manual_seed(3)
    other, _ = moved(data, clip=0.01, multiplier=300.0, expected=2)
    values = torch.cat([value.flatten() for value in one.values()]).double()
    assert float(values.std()) == pytest.approx(300 * 0.01 / 2, rel=0.02)
    assert float(values.mean()) == pytest.approx(0, abs=0.05)
    # Independent, not equal: the difference of the two is wider than either by √2.
    assert norm_of(one, other) == pytest.approx(math.sqrt(2) * norm_of(one), rel=0.03)


def test_what_is_added_up_lies_on_the_noises_grid(monkeypatch):
    """Or the noise's grid, from which the sum is off, would tell the sum."""
    seen = []

    def add(total, deviation, noise):
        gaussian.add_noise(total, deviation, noise)
        seen.append(total / (deviation * gaussian.GRID))

    monkeypatch.setattr(noisy_optimizer, "add_noise", add)
    moved(images(source(2)), clip=0.01, multiplier=1.0)
    units = np.concatenate(seen)
    np.testing.assert_allclose(units, np.rint(units), rtol=0, atol=1e-4)


def test_a_step_without_an_image_is_noise_alone(monkeypatch):
    monkeypatch.setattr(private_trainer, "poisson_sample", lambda count, rate: [])
    change, result = moved(images(source(2)), clip=0.01, multiplier=300.0, expected=2)
    values = torch.cat([value.flatten() for value in change.values()])
    assert float(values.std()) == pytest.approx(1.5, rel=0.02)
    assert result.steps == 1


def test_the_report_has_nothing_that_was_seen(monkeypatch):
    memory = source(6, unlabelled=(2,))
    monkeypatch.setattr(private_trainer, "poisson_sample", lambda count, rate: [4])
    _, result = moved(images(memory))
    assert (result.images, result.steps) == (6, 1)
    assert result.labelled == {
        task.name: sum(memory.has_label(i, task.name) for i in memory.samples) for task in TASKS
    }
    assert result.loss_sums == result.loss_counts == {}


def test_a_local_term_is_neither_clipped_nor_noised(noiseless):
    data = images(source(2))
    net = network()
    parameters = list(net.parameters())
    optimizer = make_optimizer(GroupVectors(net), PLAIN.training)
    stage = Stage(optimizer, local_term=lambda: 3.0 * torch.stack([p.sum() for p in parameters]).sum())
    before = weights(net)
    mechanism = GradientMechanism(StepSampling(2, 1.0, 1), 1e-9, 1.0)
    PrivateTrainer(LocalTrainer(net, TASKS, data, PLAIN, "a"), mechanism).train([stage], 1)
    for name, tensor in weights(net).items():
        if tensor.is_floating_point() and name in dict(net.named_parameters()):
            torch.testing.assert_close(tensor, before[name] - 3.0, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [OptimizerKind.sgd, OptimizerKind.adamw])
def test_stages_divide_the_steps_and_their_optimisers_keep_the_state(kind):
    config = plan(batch_size=2, epochs=2, optimizer=kind, lr=1e-3)
    net, data = network(), images(source(8))
    vectors = GroupVectors(net)
    heads = [group for group in vectors.layouts if group.startswith("head/")]
    rest = [group for group in vectors.layouts if group not in heads]
    entered, at = [], [weights(net)]
    stages = [
        Stage(
            make_optimizer(vectors, config.training, groups),
            0.5,
            enter=lambda: (entered.append(0), at.append(weights(net))),
        )
        for groups in (heads, rest)
    ]
    sampling = StepSampling.of(8, config.training)
    result = PrivateTrainer(
        LocalTrainer(net, TASKS, data, config, "a"), GradientMechanism(sampling, 1.0, 1.0)
    ).train(stages, 1)
    assert (result.steps, len(entered)) == (8, 2)
    changed = {name for name in at[0] if not torch.equal(at[1][name], at[2][name])}
    assert changed
    assert all(name.startswith("heads.") for name in changed)
    assert all(stage.optimizer.state for stage in stages)


def test_nothing_but_parameters_changes():
    net = network(replace(DEFAULT, adapter=AdapterConfig(bottleneck=4)))
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    mechanism = GradientMechanism(StepSampling(2, 1.0, 1), 1.0, 1.0)
    local = LocalTrainer(net, TASKS, images(source(2)), PLAIN, "a")
    PrivateTrainer(local, mechanism).train([Stage(make_optimizer(GroupVectors(net), PLAIN.training))], 1)
    assert all(torch.equal(buffers[name], buffer) for name, buffer in net.named_buffers())


def test_without_opacus_a_sentence_says_what_to_install(monkeypatch):

    monkeypatch.setitem(sys.modules, "fedmtl.training.noisy_optimizer", None)
    with pytest.raises(ConfigError, match=r"pip install 'fedmtl\[privacy\]'"):
        moved(images(source(2)))
