import re

import pytest

from fedmtl import shipped
from fedmtl.config import AttentionKind, OptimizerKind, Plan, Resize
from fedmtl.errors import ConfigError
from fedmtl.scenario import load_scenario, parse_plan, parse_scenario, to_yaml

MINIMAL = """
name: two-rooms
data: {sources: {rooms: {kind: rooms, seed: 3}}}
clients: {a: {source: rooms}, b: {source: rooms, tasks: [depth]}}
"""
RICH = """
name: rich
description: "everything, «quoted»: [yes]"
data_root: /data/sets
data:
  sources:
    street: {kind: folder, path: "${data_root}/street"}
    rooms: {kind: rooms, sites: 2}
  image_size: [64, 80]
  resize: pad
  partition: {kind: dirichlet, alpha: 1e-1, task: semseg}
  augment: {scale: [0.5, 2], flip: false}
tasks: {semseg: {weight: 2}, depth: {weight: null}}
clients:
  north: {source: street, train_images: 3, copies: 2}
  south: {source: rooms, tasks: [depth, semseg], sites: ["1"]}
model:
  backbone: {name: resnet10t, levels: [1, 2]}
  attention: {kind: pooled, stride: 16}
  context: all
training: {optimizer: sgd, lr: 3e-4, schedule: linear}
method: {name: fedprox, mu: 1e-3, private: ["head/*"]}
federation: {fraction: 0.5}
ray: {cpus_per_client: 2}
"""


def parse(*overrides, text=MINIMAL):
    return parse_scenario(text, "my.yaml", overrides)


# -- what is right -----------------------------------------------------------------------------------------


def test_a_file_sets_what_it_names_and_leaves_the_defaults():
    scenario = parse()
    assert scenario.clients["b"].tasks == ["depth"]
    assert scenario.data.sources == {"rooms": {"kind": "rooms", "seed": 3}}
    assert scenario.training.optimizer is OptimizerKind.adamw
    assert scenario.method == {"name": "fedavg"}


@pytest.mark.parametrize("text", [MINIMAL, RICH])
def test_the_resolved_yaml_is_the_same_scenario(text):
    scenario = parse(text=text)
    again = to_yaml(scenario)
    assert parse_scenario(again) == scenario
    assert to_yaml(parse_scenario(again)) == again


@pytest.mark.parametrize("text", [MINIMAL, RICH])
def test_a_plan_survives_as_yaml(text):
    plan = Plan.of(parse(text=text))
    assert parse_plan(to_yaml(plan)) == plan


def test_a_plan_says_nothing_of_a_sites_data():
    text = to_yaml(Plan.of(parse(text=RICH)))
    for word in ("street", "sources", "data_root", "workers", "/data/sets"):
        assert word not in text


def test_overrides_set_values_of_every_type():
    scenario = parse(
        "rounds=7",
        "training.lr=2e-3",
        "data.resize=pad",
        "data.image_size=[32,48]",
        "model.attention.kind=none",
        "data.augment.flip=false",
        "clients.a.tasks=[semseg,depth]",
        "clients.c.source=rooms",
        "tasks.depth.weight=0.5",
        "method.name=fedprox",
        "method.mu=0.1",
        "data.sources.rooms.seed=9",
        "description=a = b",
    )
    assert scenario.rounds == 7
    assert scenario.training.lr == 2e-3
    assert scenario.data.resize is Resize.pad
    assert tuple(scenario.data.image_size) == (32, 48)
    assert scenario.model.attention.kind is AttentionKind.none
    assert scenario.data.augment.flip is False
    assert scenario.clients["a"].tasks == ["semseg", "depth"]
    assert scenario.clients["c"].source == "rooms"
    assert scenario.tasks["depth"].weight == 0.5
    assert scenario.method == {"name": "fedprox", "mu": 0.1}
    assert scenario.data.sources["rooms"]["seed"] == 9
    assert scenario.description == "a = b"


def test_the_last_override_wins():
    assert parse("rounds=2", "rounds=3").rounds == 3


def test_the_data_root_does_not_depend_on_where_a_run_is_resumed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    scenario = parse("data_root=sets", text=RICH)
    assert scenario.data.sources["street"]["path"] == str(tmp_path / "sets" / "street")
    monkeypatch.chdir("/")
    assert parse_scenario(to_yaml(scenario)) == scenario


def test_sources_follow_the_data_root():
    sources = parse("data_root=/elsewhere", text=RICH).data.sources
    assert sources["street"]["path"] == "/elsewhere/street"


def test_numbers_without_a_point_are_numbers():
    assert parse(text=RICH).method["mu"] == 1e-3


@pytest.mark.parametrize("name", shipped.names())
def test_the_shipped_scenarios_are_right(name):
    scenario = load_scenario(shipped.find(name), ["data_root=/data"])
    assert scenario.name == name
    assert scenario.description
    assert parse_scenario(to_yaml(scenario)) == scenario


# -- what is wrong -----------------------------------------------------------------------------------------


def assert_says(error, message):
    """The error is one sentence that begins with `message`, in which … stands for anything."""
    assert re.match(".*".join(map(re.escape, message.split("…"))), str(error)), str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rouns: 2", "my.yaml: unknown key 'rouns'; did you mean 'rounds'?"),
        ("training: {fast: 1}", "my.yaml: unknown key 'training.fast'; known: accumulate, "),
        ("training: {epoch: 1}", "my.yaml: unknown key 'training.epoch'; did you mean 'epochs'?"),
        ("model: {atention: {}}", "my.yaml: unknown key 'model.atention'; did you mean 'attention'?"),
        (
            "clients: {a: {sauce: x}}",
            "my.yaml: unknown key 'clients.a.sauce'; did you mean 'source'?",
        ),
        ("1: 2", "my.yaml: unknown key '1'"),
        ("rounds: many", "my.yaml: rounds: Value 'many' of type 'str' could not be converted to Integer"),
        ("rounds: 1.5", "my.yaml: rounds: Value '1.5'"),
        ("rounds: null", "my.yaml: rounds: Incompatible value 'None'"),
        ("rounds: true", "my.yaml: rounds: Value 'True'"),
        ("training: {optimizer: adam}", "my.yaml: training.optimizer: Invalid value 'adam', …mean 'adamw'?"),
        ("data: {image_size: [96]}", "my.yaml: data.image_size: "),
        ("data: {image_size: [a, b]}", "my.yaml: data.image_size: A value could not be converted to Integer"),
        ("clients: {a: {tasks: depth}}", "my.yaml: clients.a.tasks: Invalid value"),
        ("clients: [a]", "my.yaml: clients: "),
        ("training: fast", "my.yaml: training: "),
        ("name: ${", "my.yaml: name: "),
        ("rounds: [", "my.yaml is not valid YAML: "),
        ("rounds: 1\nrounds: 2", "my.yaml is not valid YAML: …duplicate key rounds"),
        ("name: !!python/name:os.getcwd", "my.yaml is not valid YAML: could not determine a constructor"),
        ("name: a\x00b", "my.yaml is not valid YAML: "),
        ("x: " + "[" * 5000 + "]" * 5000, "my.yaml is nested too deeply"),
        ("[rounds]", "my.yaml must be a mapping of keys to values"),
        ("3", "my.yaml must be a mapping of keys to values"),
        ("", "my.yaml: 'name' is not set"),
        ("name: x\nclients: {a: {}}", "my.yaml: 'clients.a.source' is not set"),
        (MINIMAL.replace("two-rooms", "${nme}"), "my.yaml: name: Interpolation key 'nme' not found"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(text, message):
    with pytest.raises(ConfigError) as caught:
        parse(text=text)
    assert_says(caught.value, message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rouns=2", "override 'rouns=2': unknown key 'rouns'; did you mean 'rounds'?"),
        ("clients.a.task=[x]", "override 'clients.a.task=[x]': unknown key …did you mean 'tasks'?"),
        ("rounds=many", "override 'rounds=many': rounds: Value 'many'"),
        ("rounds=", "override 'rounds=': rounds: "),
        ("rounds", "override 'rounds' must have the form key=value"),
        ("=3", "override '=3' must have the form key=value"),
        ("name=[", "override 'name=[' is not valid YAML: "),
        ("name=${", "override 'name=${': name: "),
        ("training.schedule=cosin", "override …: training.schedule: …did you mean 'cosine'?"),
        ("method=fedavg", "override 'method=fedavg': method: "),
        ("name=${nme}", "my.yaml with name=${nme}: name: Interpolation key 'nme' not found"),
    ],
)
def test_a_wrong_override_is_told_in_one_sentence(override, message):
    with pytest.raises(ConfigError) as caught:
        parse("seed=1", override) if "my.yaml" not in message else parse(override)
    assert_says(caught.value, message)


AT_LEAST_ONE = [
    "rounds",
    "training.epochs",
    "training.batch_size",
    "training.accumulate",
    "checkpoint.keep",
    "model.adapter.bottleneck",
    "model.adapter.top_k",
    "model.attention.channels",
    "model.attention.heads",
    "model.attention.points",
    "model.attention.pool",
    "model.attention.stride",
    "clients.a.copies",
]
NOT_NEGATIVE = [
    "training.lr",
    "training.backbone_lr_scale",
    "training.weight_decay",
    "training.clip_norm",
    "training.threads",
    "model.adapter.balance_weight",
    "model.adapter.z_weight",
    "model.adapter.overlap_weight",
    "model.attention.top_k",
    "model.attention.balance_weight",
    "data.workers",
    "data.augment.color",
    "federation.min_clients",
    "federation.evaluate_every",
    "checkpoint.every",
    "tasks.depth.weight",
]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        *((f"{key}=0", f"{key} must be at least 1, not 0") for key in AT_LEAST_ONE),
        *((f"{key}=-1", f"{key} must be 0 or more, and finite, not -1") for key in NOT_NEGATIVE),
        ("training.lr=inf", "training.lr must be 0 or more, and finite, not inf"),
        ("training.lr=nan", "training.lr must be 0 or more, and finite, not nan"),
        ("data.image_size=[0,9]", "data.image_size[0] must be at least 1, not 0"),
        ("data.image_size=[9,-1]", "data.image_size[1] must be at least 1, not -1"),
        ("federation.fraction=0", "federation.fraction must be in (0, 1], not 0.0"),
        ("federation.fraction=1.1", "federation.fraction must be in (0, 1], not 1.1"),
        ("clients.a.share=0", "clients.a.share must be above 0, and finite, not 0.0"),
        ("clients.a.share=inf", "clients.a.share must be above 0, and finite, not inf"),
        ("federation.round_timeout=0", "federation.round_timeout must be above 0 seconds"),
        ("training.momentum=1", "training.momentum must be in [0, 1), not 1.0"),
        ("training.warmup=1", "training.warmup must be in [0, 1), not 1.0"),
        ("training.warmup=-0.1", "training.warmup must be in [0, 1), not -0.1"),
        ("data.partition.alpha=0", "data.partition.alpha must be above 0"),
        ("data.holdout=1", "data.holdout must be in [0, 1), not 1.0"),
        ("data.augment.rotation=-1", "data.augment.rotation must be from 0 to 180 degrees, not -1.0"),
        ("data.augment.rotation=181", "data.augment.rotation must be from 0 to 180 degrees, not 181.0"),
        ("data.augment.rotation=nan", "data.augment.rotation must be from 0 to 180 degrees, not nan"),
        ("data.augment.scale=[0,1]", "data.augment.scale must be a rising range above 0, not [0.0, 1.0]"),
        ("data.augment.scale=[2,1]", "data.augment.scale must be a rising range above 0, not [2.0, 1.0]"),
        ("clients.a.source=room", "clients.a.source names no source 'room'; did you mean 'rooms'?"),
        ("data.sources.more.path=x", "data.sources.more.kind is not set"),
        ("data.sources.rooms.kind=3", "data.sources.rooms.kind is not set"),
        ("method.name=null", "method.name is not set"),
        ("name=../up", "name must be letters and digits, and . _ - after the first, not '../up'"),
        ("name=", "…name: "),
        ("clients.a/b.source=rooms", "clients must be named by letters and digits…not 'a/b'"),
    ],
)
def test_every_rule_is_kept(override, message):
    with pytest.raises(ConfigError) as caught:
        parse(override)
    assert_says(caught.value, message if message.startswith("…") else f"my.yaml with {override}: {message}")


@pytest.mark.parametrize(
    "override",
    [
        "training.clip_norm=0",
        "federation.fraction=1",
        "training.warmup=0",
        "data.augment.scale=[1,1]",
        "data.augment.rotation=180",
        "checkpoint.every=0",
        "federation.evaluate_every=0",
        "tasks.depth.weight=0",
        "clients.Zürich-2.source=rooms",
    ],
)
def test_the_ends_of_the_ranges_are_allowed(override):
    parse(override)


def test_nobody_needs_to_be_named_because_sites_come_by_themselves():
    assert parse(text="name: x\nclients: {}").clients == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: 3", "the server's plan: unknown key 'lr'"),
        ("rounds: x", "the server's plan: rounds: "),
        ("[]", "the server's plan must be a mapping"),
        ("method: {mu: '${oc.decode:1}'}\nseed: '${sed}'", "the server's plan: seed: Interpolation key"),
    ],
)
def test_a_plan_of_another_version_is_told(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_plan(text)
    assert_says(caught.value, message)


def test_an_unreadable_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none.yaml cannot be read: No such file"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_scenario(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"binary.yaml is not a text file in UTF-8"):
        load_scenario(tmp_path / "binary.yaml")
