"""What a site accepts of a server's plan: each hole that a plan could have, closed."""

import sys
from dataclasses import fields, is_dataclass, replace

import pytest

from clients.rules import MOST_TASKS, Rules
from fedmtl.config import Plan
from fedmtl.deployment.site import Limits
from fedmtl.errors import FedmtlError, RefusalError
from fedmtl.exchange.messages import Federation
from fedmtl.scenario import to_yaml
from fedmtl.tasks import TaskSpec
from tests.federations import tiny

DEPTH = TaskSpec("depth", "depth")
TABLE = (DEPTH, TaskSpec("semseg", "semseg", ("wall", "floor")))


def rules(**limits):
    return Rules(Limits(**limits), (DEPTH,), "cpu", 3)


def ask(*overrides, tasks=TABLE, alter=lambda text: text, **limits):
    """The plan of a scenario with these overrides, as the site follows it."""
    plan = alter(to_yaml(Plan.of(tiny(*overrides))))
    return rules(**limits).plan(Federation("run", tasks, plan, ()))


def refused(*overrides, **options):
    """The rule by which it is refused."""
    with pytest.raises(RefusalError) as error:
        ask(*overrides, **options)
    return error.value.rule


def test_a_plan_is_followed_but_for_device_and_threads_which_are_the_sites():
    plan = ask("training.device=cuda:7", "training.threads=64", "training.epochs=2")
    assert (plan.training.device, plan.training.threads, plan.training.epochs) == ("cpu", 3, 2)


@pytest.mark.parametrize("field", ["name", "weights"])
def test_a_backbone_cannot_be_a_path_or_a_download(field, tmp_path):
    for word in (str(tmp_path), "../x.pt", "hf-hub:someone/model", "local-dir:/etc", "timm", "http://x/y"):
        assert refused(f"model.backbone.{field}={word!r}") in ("backbone", "weights"), word


def test_only_the_owner_can_allow_downloads():
    assert ask("model.backbone.weights=timm", weights=["timm"]).model.backbone.weights == "timm"
    assert ask("model.backbone.weights=package").model.backbone.weights == "package"


def test_a_method_cannot_be_an_import_path(tmp_path, monkeypatch):
    (tmp_path / "attack.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    assert refused("method.name='attack:Method'") == "method"
    assert "attack" not in sys.modules
    assert refused("method.name=no-such-method") == "method"


def test_a_task_kind_cannot_be_an_import_path():
    assert refused(tasks=(*TABLE, TaskSpec("more", "attack:Kind"))) == "tasks"


def test_the_methods_that_the_owner_listed():
    assert refused(methods=["fedprox", "local"]) == "method"
    assert ask(methods=["fedavg"]).method["name"] == "fedavg"


@pytest.mark.parametrize(
    "table",
    [
        (),
        TABLE[1:],
        (TaskSpec("depth", "regression", ("x",)),),
        (DEPTH, TaskSpec("depth", "regression", ("x",))),
        (DEPTH, *(TaskSpec(f"t{i}", "depth") for i in range(MOST_TASKS))),
        (DEPTH, TaskSpec("wide", "semseg", tuple(map(str, range(20_000))))),
    ],
    ids=["none", "without its own", "its own by another kind", "its own twice", "too many", "too wide"],
)
def test_the_federations_tasks_are_possible_and_have_the_sites_own_as_it_means_them(table):
    assert refused(tasks=table) == "tasks"


def test_a_plan_cannot_read_the_environment(monkeypatch):
    monkeypatch.setenv("TOKEN", "semseg")
    for word in ("${oc.env:TOKEN}", "${oc.env:HOME}", "${method}"):
        plan = f"method: {{name: fedavg, private: ['{word}']}}"
        assert refused(alter=lambda text, plan=plan: plan) == "plan"


def test_a_short_plan_cannot_become_a_huge_one():
    bomb = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
    assert refused(alter=lambda text: text + bomb) == "plan"
    assert refused(alter=lambda text: text + "#" * 200_000) == "plan"
    assert refused(alter=lambda text: "[" * 5000) == "plan"
    assert refused(alter=lambda text: "a: {") == "plan"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rounds", 10**9),
        ("image_size", (100_000, 100_000)),
        ("image_size", (0, 48)),
        ("training.epochs", 10**6),
        ("training.epochs", 0),
        ("training.batch_size", 10**6),
        ("training.batch_size", 0),
        ("training.accumulate", 0),
        ("training.lr", float("nan")),
        ("training.lr", -1.0),
        ("model.adapter.bottleneck", 10**7),
        ("model.adapter.bottleneck", -1),
        ("model.adapter.top_k", 0),
        ("model.attention.channels", 10**7),
        ("model.attention.heads", 0),
        ("model.attention.points", 10**6),
        ("model.attention.stride", 0),
        ("model.attention.pool", 0),
        ("model.backbone.levels", [0] * 100),
        ("augment.scale", (1.0, 1e6)),
        ("augment.scale", (1e-6, 1.0)),
        ("augment.color", float("inf")),
        ("augment.rotation", float("nan")),
        ("augment.rotation", 181.0),
    ],
)
def test_sizes_that_no_site_has_room_or_time_for(key, value):
    assert refused(alter=lambda text: to_yaml(changed(Plan.of(tiny()), key, value))) == "size"


def test_a_batch_that_is_too_large_only_together():
    assert refused("training.batch_size=5000", "data.image_size=[4096, 4096]") == "size"
    assert ask("training.batch_size=16", "data.image_size=[1024, 2048]").training.batch_size == 16


def test_groups_that_must_not_leave():
    site = rules(private=["head/*", "norm"])
    site.check_leaving(["backbone", "attention/depth"])
    for group in ("head/depth", "norm"):
        with pytest.raises(RefusalError) as error:
            site.check_leaving(["backbone", group])
        assert error.value.rule == "private-groups"


def test_every_field_of_a_plan_is_known_here():
    """A field that is added to Plan has to be thought of in `clients.rules`."""
    assert set(leaves(Plan())) == {
        *("seed", "rounds", "image_size", "resize", "tasks", "method"),
        *("augment.flip", "augment.rotation", "augment.scale", "augment.color"),
        *("model.backbone.name", "model.backbone.weights", "model.backbone.levels", "model.backbone.norm"),
        *("model.adapter.bottleneck", "model.adapter.top_k", "model.adapter.balance_weight"),
        *("model.adapter.z_weight", "model.adapter.client", "model.adapter.overlap_weight"),
        *("model.attention.kind", "model.attention.stride", "model.attention.channels"),
        *("model.attention.heads", "model.attention.points", "model.attention.top_k"),
        *("model.attention.balance_weight", "model.attention.pool", "model.head", "model.context"),
        *("training.epochs", "training.batch_size", "training.accumulate", "training.optimizer"),
        *("training.lr", "training.backbone_lr_scale", "training.weight_decay", "training.momentum"),
        *("training.schedule", "training.warmup", "training.clip_norm", "training.keep_optimizer"),
        *("training.device", "training.threads", "exchange.up", "exchange.down"),
        *("privacy.secure_sums", "privacy.min_holders", "privacy.largest_change", "privacy.largest_weight"),
        *("privacy.client.noise", "privacy.client.multiplier", "privacy.client.epsilon"),
        *("privacy.client.delta", "privacy.client.clip", "privacy.client.clip_by"),
        *("privacy.client.adaptive_quantile", "privacy.client.shares", "privacy.client.shrink"),
    }


def leaves(config, path=""):
    for field in fields(config):
        value, here = getattr(config, field.name), f"{path}{field.name}"
        if is_dataclass(value):
            yield from leaves(value, f"{here}.")
        else:
            yield here


def changed(config, key, value):
    name, _, rest = key.partition(".")
    return replace(config, **{name: changed(getattr(config, name), rest, value) if rest else value})


def test_refusals_are_errors_that_a_person_at_the_site_can_read():
    with pytest.raises(
        FedmtlError, match=r"the server's plan: training\.epochs is 2000; a site takes 1 to 1000"
    ):
        ask("training.epochs=2000")
