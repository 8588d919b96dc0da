import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedmtl.config import BackboneConfig, CacheKind, ModelConfig, OptimizerKind, ScheduleKind, TaskConfig
from fedmtl.data import make_loader
from fedmtl.errors import TrainingError
from fedmtl.models.vectors import GroupVectors
from fedmtl.training.optimization import load_optimizer, make_optimizer, optimizer_tensors
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalTrainer
from tests.training.local import SPECS, TASKS, dataset, network, no_augmentation, plan, train, weights


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def assert_close(one, other):
    """The test backbone's first bias has a gradient of thousands, hence a relative tolerance."""
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_training_learns():
    _, first = train(net := network(), the_plan=plan(epochs=4, lr=0.02))
    _, second = train(net, the_plan=plan(epochs=4, lr=0.02), round_number=2)
    for task in SPECS:
        assert second.loss_sums[task] < first.loss_sums[task]


def test_accumulated_batches_equal_one_large_batch():
    start = weights(network())
    large, counted = train(the_plan=plan(batch_size=4))
    small, more = train(the_plan=plan(batch_size=2, accumulate=2))
    assert counted.steps == more.steps == 2
    assert_close(weights(large), weights(small))
    assert max((weights(large)[n] - start[n]).abs().max() for n in start) > 1e-3


def test_what_is_left_over_is_a_step_too():
    _, result = train(data=dataset(7), the_plan=plan(batch_size=2, accumulate=2, epochs=2))
    # 7 images are batches of 2, 2 and 3: a last single image joins the one before.
    assert result.steps == 2 * 2


def test_the_last_accumulation_is_divided_by_its_own_number_of_batches():
    alone, _ = train(data=dataset(2), the_plan=plan(batch_size=2, accumulate=1))
    of_many, _ = train(data=dataset(2), the_plan=plan(batch_size=2, accumulate=100))
    assert_same_bits(weights(alone), weights(of_many))


def test_one_step_of_sgd_is_the_gradient_of_the_weighted_losses():
    data, config = dataset(4, augment=no_augmentation()), plan(tasks={"depth": TaskConfig(weight=3.0)})
    trained, _ = train(data=data, the_plan=config)
    expected = network().train()
    (batch,) = make_loader(data, 4, training=False)
    output = expected(batch.image)
    loss = output.auxiliary
    for task in TASKS:
        weight = 3.0 if task.name == "depth" else task.weight
        loss = loss + weight * task.loss(output.predictions[task.name], batch.targets[task.name])
    loss.backward()
    scale = config.training.backbone_lr_scale
    with torch.no_grad():
        for name, parameter in expected.named_parameters():
            lr = config.training.lr * (scale if name.startswith("backbone.") else 1.0)
            decay = config.training.weight_decay * parameter if parameter.ndim > 1 else 0.0
            parameter -= lr * (parameter.grad + decay)
    assert_close(weights(trained), weights(expected))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_equal_seeds_give_equal_bits(batch_norm):
    config = ModelConfig(backbone=BackboneConfig(name="lcnet_035" if batch_norm else "test_convnext"))
    one, first = train(network(config))
    torch.manual_seed(99)
    other, second = train(network(config))
    assert_same_bits(weights(one), weights(other))
    assert first.loss_sums == second.loss_sums


@pytest.mark.parametrize(
    "changes", [{"client": "b"}, {"round_number": 2}, {"the_plan": plan(seed=6)}], ids=lambda c: next(iter(c))
)
def test_randomness_is_keyed_by_seed_round_and_client(changes):
    reference, changed = weights(train()[0]), weights(train(**changes)[0])
    assert any(not torch.equal(reference[name], changed[name]) for name in reference)


def test_the_global_generator_is_left_alone():
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    train()
    assert torch.equal(torch.rand(3), expected)


def test_loader_processes_change_nothing():
    alone, first = train(data=dataset(5))
    helped, second = train(data=dataset(5), workers=1)
    assert_same_bits(weights(alone), weights(helped))
    assert first.loss_sums == second.loss_sums


def test_losses_and_labels_are_counted_by_task():
    data = dataset(8, unlabelled=(1, 3, 6))
    _, result = train(data=data, the_plan=plan(epochs=2, batch_size=3))
    assert result.images == 8
    assert result.labelled == {"depth": 5, "room": 8, "semseg": 8}
    assert result.loss_counts == {"depth": 10, "room": 16, "semseg": 16}
    assert result.steps == 6
    assert result.seconds > 0
    for task in ("room", "semseg"):
        assert 0.5 < result.loss_sums[task] / result.loss_counts[task] < 2


def test_the_local_term_is_added_at_every_step():
    net = network()
    received = [parameter.detach().clone() for parameter in net.parameters()]

    def term():
        pairs = zip(net.parameters(), received, strict=True)
        return 1e4 * torch.stack([(now - then).square().sum() for now, then in pairs]).sum()

    config = plan(lr=1e-5, epochs=3, momentum=0.0, backbone_lr_scale=1.0)
    free, held = train(the_plan=config)[0], train(net, the_plan=config, local_term=term)[0]

    def moved(model):
        return sum((p - r).square().sum().item() for p, r in zip(model.parameters(), received, strict=True))

    assert 0 < moved(held) < 0.9 * moved(free)


def test_a_local_term_of_none_is_none():
    assert_same_bits(weights(train()[0]), weights(train(local_term=lambda: None)[0]))


def heads_and_the_rest(net, config):
    """Two stages: the heads are trained first, then all that is not a head."""
    vectors = GroupVectors(net)
    heads = [group for group in vectors.layouts if group.startswith("head/")]
    rest = [group for group in vectors.layouts if group not in heads]
    return [Stage(make_optimizer(vectors, config.training, groups), 0.5) for groups in (heads, rest)]


@pytest.mark.parametrize("kind", [OptimizerKind.sgd, OptimizerKind.adamw])
def test_what_a_stage_does_not_train_stands_still(kind):
    config = plan(batch_size=2, epochs=2, optimizer=kind, weight_decay=0.5, lr=1e-3)
    net = network()
    at = [weights(net)]
    first, second = heads_and_the_rest(net, config)
    middle = replace(second, enter=lambda: at.append(weights(net)))
    trainer = LocalTrainer(net, TASKS, dataset(), config, "a")
    result = trainer.train([first, middle], 1)
    at.append(weights(net))
    assert result.steps == 8
    heads = {name for name in at[0] if name.startswith("heads.")}
    for before, after, moves in zip(at, at[1:], (True, False), strict=False):
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert moved
        assert (moved <= heads) is moves
        assert moved.isdisjoint(heads) is not moves


def test_gradients_are_computed_for_what_is_trained_alone():
    net, config = network(), plan()
    first, _ = heads_and_the_rest(net, config)
    seen = []
    first.optimizer.register_step_pre_hook(
        lambda *_: seen.append({n for n, p in net.named_parameters() if p.grad is not None})
    )
    LocalTrainer(net, TASKS, dataset(), config, "a").train([replace(first, share=1.0)], 1)
    assert seen[0]
    assert all(name.startswith("heads.") for name in set().union(*seen))


def test_stages_with_one_optimiser_are_one_training():
    config = plan(batch_size=2, accumulate=2, epochs=3, optimizer=OptimizerKind.adamw)
    whole, once = train(the_plan=config)
    net = network()
    optimizer = make_optimizer(GroupVectors(net), config.training)
    stages = [Stage(optimizer, share) for share in (0.3, 0.2, 0.5)]
    result = LocalTrainer(net, TASKS, dataset(), config, "a").train(stages, 1)
    assert_same_bits(weights(net), weights(whole))
    assert replace(result, seconds=0) == replace(once, seconds=0)


def test_gradients_are_clipped_to_the_norm():
    start = weights(network())
    config = plan(clip_norm=1e-3, lr=1.0, backbone_lr_scale=1.0, weight_decay=0.0)
    net, _ = train(data=dataset(4), the_plan=config)
    step = math.sqrt(sum((tensor - start[name]).square().sum() for name, tensor in weights(net).items()))
    assert step == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize("kind", [OptimizerKind.sgd, OptimizerKind.adamw])
def test_a_kept_optimiser_goes_on_as_if_nothing_had_happened(kind):
    config = plan(optimizer=kind, lr=1e-3)
    straight = network()
    optimizer = make_optimizer(GroupVectors(straight), config.training)
    for number in (1, 2):
        train(straight, the_plan=config, round_number=number, optimizer=optimizer)

    first, _ = train(
        the_plan=config,
        optimizer=(one := make_optimizer(GroupVectors(net := network()), config.training)),
        net=net,
    )
    kept = optimizer_tensors(one, first)
    second = network(seed=9)
    second.load_state_dict(first.state_dict())
    resumed = make_optimizer(GroupVectors(second), config.training)
    load_optimizer(resumed, second, kept)
    train(second, the_plan=config, round_number=2, optimizer=resumed)
    assert_same_bits(weights(straight), weights(second))

    forgetful = network(seed=9)
    forgetful.load_state_dict(first.state_dict())
    train(forgetful, the_plan=config, round_number=2)
    assert any(not torch.equal(weights(straight)[n], w) for n, w in weights(forgetful).items())


def test_the_schedule_runs_over_all_rounds():
    config = plan(rounds=2, epochs=2, batch_size=4, schedule=ScheduleKind.linear, lr=0.1)
    optimizer = make_optimizer(GroupVectors(net := network()), config.training)
    rates = []
    optimizer.register_step_pre_hook(lambda o, *_: rates.append(max(g["lr"] for g in o.param_groups)))
    for number in (1, 2):
        train(net, the_plan=config, round_number=number, optimizer=optimizer)
    # Two batches a pass, two passes a round, two rounds: the middles of eight equal parts.
    assert rates == pytest.approx([0.1 * (1 - (i + 0.5) / 8) for i in range(8)])


def broken_depth(data, index):
    data.source.samples[data.ids[index]].labels["depth"][0, 0] = np.inf
    return data


def test_a_loss_that_is_not_finite_names_task_and_images():
    with pytest.raises(
        TrainingError, match=r"round 3 of 'a': the loss of 'depth' is not finite .* 02, 0"
    ) as caught:
        train(
            data=broken_depth(dataset(4, augment=no_augmentation(), cache=CacheKind.none), 2), round_number=3
        )
    assert "lower training.lr" in str(caught.value)


def test_a_diverging_network_is_noticed():
    with pytest.raises(TrainingError, match="is not finite"):
        train(the_plan=plan(lr=1e30, epochs=3))


def test_a_round_that_failed_leaves_nothing_to_the_next():
    net = network()
    with pytest.raises(TrainingError):
        train(net, data=broken_depth(dataset(4), 0), the_plan=plan(batch_size=2, accumulate=9))
    net.load_state_dict(network().state_dict())
    for parameter in net.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    train(net)
    assert_same_bits(weights(net), weights(train()[0]))
