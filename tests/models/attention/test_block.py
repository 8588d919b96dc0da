import pytest
import torch

from fedmtl.config import AttentionConfig, AttentionKind
from fedmtl.errors import ModelError
from fedmtl.models.attention import build_attention
from fedmtl.models.groups import group_map
from fedmtl.seeding import torch_seed

KINDS = [AttentionKind.deformable, "deformable, top 2", AttentionKind.full, AttentionKind.pooled]
TASKS = ("a", "b", "c")


def build(kind, tasks=TASKS, seed=0, **options):
    if kind == "deformable, top 2":
        kind, options = AttentionKind.deformable, {"top_k": 2, **options}
    config = AttentionConfig(kind=kind, channels=8, heads=2, points=2, **options)
    with torch_seed(seed, "attention"):
        return build_attention(config, tasks, seed)


def maps(tasks=TASKS, size=(5, 6)):
    generator = torch.Generator().manual_seed(0)
    return {task: torch.randn(2, 8, *size, generator=generator) for task in tasks}


def trained(block):
    torch.manual_seed(0)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return block.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_block_is_the_identity(kind):
    before = maps()
    for task, after in build(kind)(before, TASKS).maps.items():
        assert torch.equal(after, before[task])


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_block_reads_every_source(kind):
    block = trained(build(kind))
    sources = {task: x.requires_grad_() for task, x in maps().items()}
    block(sources, ["a"]).maps["a"].square().sum().backward()
    assert all(x.grad.abs().max() > 0 for x in sources.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_querys_answer_does_not_depend_on_what_else_is_asked(kind):
    block = trained(build(kind))
    everything = block(maps(), TASKS).maps
    assert list(everything) == list(TASKS)
    torch.testing.assert_close(block(maps(), ["c"]).maps["c"], everything["c"])
    torch.testing.assert_close(block(maps(), ["c", "a"]).maps["a"], everything["a"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameters_of_a_subset_line_up_with_those_of_all(kind):
    full, part = build(kind).state_dict(), build(kind, ("a", "c")).state_dict()
    assert set(part) == {name for name in full if not name.startswith("sources.b.")}
    assert all(torch.equal(tensor, full[name]) for name, tensor in part.items())


@pytest.mark.parametrize("kind", KINDS)
def test_each_source_is_a_group(kind):
    groups = group_map(build(kind))
    assert set(groups) == {"attention", *(f"attention/{task}" for task in TASKS)}
    assert f"sources.{TASKS[0]}.embedding" in groups["attention/a"]


@pytest.mark.parametrize("kind", KINDS)
def test_only_gates_add_a_loss(kind):
    auxiliary = build(kind)(maps(), TASKS).auxiliary
    assert auxiliary.shape == ()
    assert (auxiliary > 0) == (kind == "deformable, top 2")


def test_no_attention_is_none():
    assert build(AttentionKind.none) is None


@pytest.mark.parametrize(("channels", "heads"), [(8, 3), (10, 2)])
def test_channels_that_do_not_divide_are_refused(channels, heads):
    with pytest.raises(ModelError, match=f"{channels} is not a multiple of 4 and of {heads} heads"):
        build_attention(AttentionConfig(channels=channels, heads=heads), TASKS, 0)


def test_a_negative_number_of_sources_is_refused():
    with pytest.raises(ModelError, match=r"model.attention.top_k: -1 is negative; 0 samples every source"):
        build(AttentionKind.deformable, top_k=-1)
