"""A dry run checks, builds and steps every client, its figures are those of the model, and it leaves nothing."""

import math
from collections import Counter
from dataclasses import replace

import pytest

from clients.model import ClientModel
from clients.site import make_sites
from fedmtl import shipped
from fedmtl.config import CacheKind, ClientConfig, Plan
from fedmtl.data.decoded import default_folder
from fedmtl.data.taskonomy_labels import SPECS as TASKONOMY
from fedmtl.errors import ConfigError, DataError
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from simulations import dry_run as module
from simulations.dry_run import dry_run
from simulations.inprocess import run_inprocess
from simulations.rehearsal import _with_loading
from tests.data.folders import write_example
from tests.federations import create, events_of, tiny
from tests.simulations.conftest import IDS

PREFIXES = ("celeba", "fedhca2", "fmtl-bench", "multi-mnist", "taskonomy")
ON_ARCHIVES = [name for name in shipped.names() if name.startswith(PREFIXES)]
SMALL = (
    "data.image_size=[24, 32]",
    "model.backbone={name: lcnet_035, weights: scratch, levels: []}",
    "model.adapter.bottleneck=4",
    "model.attention={channels: 8, heads: 2, points: 1}",
    "training.batch_size=2",
    "training.threads=1",
    "training.device=cpu",
)


def published(name, root, *overrides):
    return load_scenario(shipped.find(name), [f"data_root={root}", *overrides])


def parameters_of(scenario):
    """Client → numbers in its model, built by itself."""
    sites = make_sites(scenario)
    table = {spec for site in sites.values() for spec in site.tasks}
    return {
        name: sum(
            layout.size
            for layout in ClientModel.build(
                Plan.of(scenario),
                sorted(table, key=str),
                [spec.name for spec in site.tasks],
                site.source.channels,
            ).vectors.layouts.values()
        )
        for name, site in sites.items()
    }


@pytest.mark.parametrize("name", ON_ARCHIVES)
def test_every_scenario_on_published_data_passes(name, archives):
    found = dry_run(published(name, archives, *SMALL))
    assert all(client.train_images and client.val_images and client.steps for client in found.clients)
    assert 0 < found.seconds < math.inf


FOUR = ("depth", "edge", "normals", "semseg")
ALONE = [("depth",), ("edge",), ("normals",), ("semseg",)]


@pytest.mark.parametrize(
    ("setting", "tasks"),
    [
        ("iid-1-sdmt", [FOUR] * 4),
        ("niid-2-sdst", ALONE),
        ("niid-3-sdht", [*ALONE, *[FOUR] * 4]),
        ("niid-4-ubsdmt", [FOUR] * 4),
        ("niid-5-ubsdst", ALONE),
        ("niid-6-ubcdmt", [*[FOUR] * 4, ("human_parts", "normals")]),
        ("niid-7-ubcdst", [*ALONE, ("human_parts",), ("normals",)]),
    ],
)
def test_the_settings_of_fmtl_bench_have_its_clients(setting, tasks, archives):
    scenario = published(f"fmtl-bench-{setting}", archives)
    sites = make_sites(scenario)
    assert sorted(tuple(spec.name for spec in site.tasks) for site in sites.values()) == sorted(tasks)
    assert {site.domain for site in sites.values()} == ({"nyud", "pascal"} if "cd" in setting else {"nyud"})
    assert all(list(site.share.test) == IDS["val"] for site in sites.values())
    shares = {client.share for client in scenario.clients.values()}
    assert shares == ({1, 2, 3, 4} if "ubsd" in setting else {1})


def test_a_task_of_multi_mnist_has_three_clients_and_two_have_both(archives):
    sites = make_sites(published("multi-mnist", archives))
    tasks = [[spec.name for spec in site.tasks] for site in sites.values()]
    assert sorted(tasks) == [["left"], ["left", "right"], ["left", "right"], ["right"]]


def test_celeba_has_multi_label_tasks_and_a_classification(archives):
    sites = make_sites(published("celeba", archives))
    kinds = {spec.name: spec.kind for site in sites.values() for spec in site.tasks}
    assert kinds == dict.fromkeys(("beard", "hair", "worn"), "multilabel") | {"smiling": "classification"}


def test_every_task_of_taskonomy_has_two_clients(archives):
    sites = make_sites(published("taskonomy", archives))
    tasks = [spec.name for site in sites.values() for spec in site.tasks]
    assert Counter(tasks) == dict.fromkeys(TASKONOMY, 2)
    assert min(len(site.tasks) for site in sites.values()) >= 4


def test_a_zoom_that_a_task_cannot_follow_is_refused_before_anything_is_read(archives):
    scenario = published("taskonomy", archives, "data.augment.scale=[0.5, 2]")
    with pytest.raises(
        ConfigError,
        match=r"data\.augment\.scale: labels of task 'room_layout' \(room_layout\) cannot follow a zoom",
    ):
        dry_run(scenario)


def test_images_that_would_be_shrunk_are_refused_where_they_are_to_keep_their_scale(archives):
    with pytest.raises(
        ConfigError,
        match=r"NYUDv2/images/0001\.png is 16x12 and would be shrunk to 12x9, .* set data\.image_size=\[12,32\]",
    ):
        dry_run(published("fmtl-bench-niid-2-sdst", archives, *SMALL, "data.image_size=[12, 12]"))
    smaller = ("data.image_size=[9, 12]", "data.resize=pad")
    assert dry_run(published("fmtl-bench-niid-2-sdst", archives, *SMALL, *smaller)).clients


def test_a_folder_with_a_table_of_labels_is_one_like_any_other(tmp_path):
    root = str(write_example(tmp_path / "ward"))
    data = replace(tiny("data.partition.kind=iid").data, sources={"ward": {"kind": "folder", "path": root}})
    client = ClientConfig("ward", ["objects", "room_type"])
    scenario = replace(tiny("rounds=1"), data=data, clients={"a": client, "b": client})
    assert [client.tasks for client in dry_run(scenario).clients] == [("objects", "room_type")] * 2
    run = RunDirectory.create(tmp_path / "run", scenario)
    run_inprocess(run)
    metrics = {(event["task"], event["metric"]) for event in events_of(run, "metric")}
    assert metrics >= {("objects", "mAP"), ("objects", "accuracy"), ("room_type", "accuracy")}


@pytest.mark.parametrize(
    ("backbone", "millions"),
    [
        ({"name": "swin_tiny_patch4_window7_224"}, (27, 29)),
        ({"name": "convnext_tiny"}, (27, 29)),
        ({"name": "vit_base_patch16_224", "levels": [2, 5, 8, 11]}, (85, 88)),
        ({"name": "resnet18"}, (11, 12)),
    ],
)
def test_the_backbones_that_they_name_are_built_at_their_image_size(backbone, millions, archives):
    scenario = published("fedhca2", archives)
    config = replace(scenario.model.backbone, weights="scratch", **backbone)
    plan = Plan.of(replace(scenario, model=replace(scenario.model, backbone=config)))
    site = make_sites(scenario)["nyud"]
    model = ClientModel.build(plan, site.tasks, [spec.name for spec in site.tasks], 3)
    trunk = sum(parameter.numel() for parameter in model.network.backbone.parameters())
    assert millions[0] < trunk / 1e6 < millions[1]


def test_it_is_as_much_as_a_run_does(tmp_path):
    found = dry_run(tiny())
    assert {client.client: client.rehearsal.parameters for client in found.clients} == parameters_of(tiny())
    run = create(tmp_path / "run")
    run_inprocess(run)
    for client in found.clients:
        rounds = events_of(run, "train", client=client.client)
        assert {event["steps"] for event in rounds} == {client.steps}
        assert client.rehearsal.bytes_up == rounds[-1]["bytes_up"]
        assert client.rehearsal.peak_bytes > 4 * client.rehearsal.parameters
    assert found.evaluations == 3
    assert found.bytes_up == sum(client.rehearsal.bytes_up for client in found.clients)


def test_clients_that_are_alike_are_tried_once(monkeypatch):
    tried = []
    rehearse = module.rehearse
    monkeypatch.setattr(
        module, "rehearse", lambda site, *rest: tried.append(site.client) or rehearse(site, *rest)
    )
    found = dry_run(tiny("clients.b.copies=2", "federation.fraction=0.5"))
    assert tried == ["a", "b-0", "c"]
    assert [client.client for client in found.clients] == ["a", "b-0", "b-1", "c"]
    assert found.bytes_up == round(sum(client.rehearsal.bytes_up for client in found.clients) / 2)


@pytest.mark.parametrize("method", ["fedrep", "pilot"])
def test_methods_with_several_phases_or_models_of_ones_own_pass(method):
    assert dry_run(tiny(f"method.name={method}")).seconds > 0


@pytest.mark.parametrize(
    ("cache", "workers", "seconds"),
    [(CacheKind.disk, 0, 3), (CacheKind.none, 0, 5), (CacheKind.none, 2, 3), (CacheKind.none, 1, 3)],
)
def test_decoding_counts_where_nothing_is_kept(cache, workers, seconds):
    data = replace(tiny().data, cache=cache, workers=workers)
    assert _with_loading(3, 2, data) == seconds


def test_nothing_is_left_behind(archives, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    before = sorted(path for path in archives.rglob("*"))
    dry_run(published("fedhca2", archives, *SMALL, "data.cache=disk"))
    assert sorted(path for path in archives.rglob("*")) == before
    assert default_folder().is_relative_to(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_with_two_meanings_is_refused(archives):
    scenario = published("fedhca2", archives, *SMALL)
    scenario.data.sources["nyud"]["names"] = {}
    scenario.clients["nyud"].tasks[0] = "semseg"
    with pytest.raises(ConfigError, match=r"clients\.nyud\.tasks: 'semseg' is semseg of 40 classes there"):
        dry_run(scenario)


def test_data_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="PASCALContext"):
        dry_run(published("fedhca2", tmp_path, *SMALL))
