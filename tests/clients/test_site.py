"""Which client a node is, and what it holds."""

import pytest
from flwr.app import Context, RecordDict

from clients.node import site_of
from clients.site import make_sites
from fedmtl.errors import ConfigError, DataError
from tests.federations import TINY, create, tiny
from tests.spectral import write_spectral

RUN_ID = 5


def context(node_config, run_config=None):
    return Context(RUN_ID, 7, node_config, RecordDict(), run_config or {})


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.yaml").write_text(TINY)
    return tmp_path


def test_in_simulation_the_partition_picks_the_client_by_name(run):
    for index, name in enumerate("abc"):
        site, private = site_of(context({"partition-id": index}, {"run-dir": str(run)}))
        assert site.client == name
        assert private.folder == run / "checkpoints" / "clients" / name
    assert [spec.name for spec in site.tasks] == ["depth", "room_type"]


def test_in_simulation_the_run_may_be_one_that_the_server_made_of_a_scenario(tmp_path):
    settings = {"scenario": "tiny.yaml", "out": str(tmp_path)}
    folder = create(tmp_path / f"tiny-{RUN_ID}").path
    site, private = site_of(context({"partition-id": 1}, settings))
    assert (site.client, private.folder) == ("b", folder / "checkpoints" / "clients" / "b")


def test_a_supernode_names_its_client_its_scenario_and_its_state(run, tmp_path):
    node = {"client": "b", "scenario": str(run / "config.yaml"), "state": str(tmp_path / "private")}
    site, private = site_of(context(node))
    assert (site.client, private.folder) == ("b", tmp_path / "private" / "b")


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({}, "the node config names no client"),
        ({"client": "b"}, "'b' must name its scenario and its state"),
        ({"client": "b", "scenario": "none.yaml", "state": "x"}, "none.yaml cannot be read"),
        ({"client": "bb", "scenario": "config.yaml", "state": "x"}, "has no client 'bb'; "),
        ({"partition-id": 3}, "has 3 clients, and this is node 3: num-supernodes=3 is enough"),
    ],
)
def test_a_node_that_is_no_client_says_why(node, words, run, monkeypatch):
    monkeypatch.chdir(run)
    with pytest.raises(ConfigError) as error:
        site_of(context(node, {"run-dir": str(run)}))
    assert words in str(error.value)


def test_clients_of_a_source_share_it_and_divide_its_images():
    sites = make_sites(tiny("data.partition.kind=iid", *(f"clients.{name}.sites=[]" for name in "abc")))
    assert len({id(site.source) for site in sites.values()}) == 1
    train = [sample_id for site in sites.values() for sample_id in site.share.train]
    assert len(train) == len(set(train)) == 12


def test_the_same_scenario_gives_the_same_shares_everywhere():
    assert {n: s.share for n, s in make_sites(tiny()).items()} == {
        n: s.share for n, s in make_sites(tiny()).items()
    }


def test_no_tasks_means_all_that_the_source_has():
    site = make_sites(tiny("clients.a.tasks=[]"))["a"]
    assert {spec.name for spec in site.tasks} == set(site.source.tasks)


def test_copies_are_clients_of_their_own():
    sites = make_sites(
        tiny("data.partition.kind=iid", "clients.b.copies=2", *(f"clients.{name}.sites=[]" for name in "abc"))
    )
    assert sorted(sites) == ["a", "b-0", "b-1", "c"]
    assert not set(sites["b-0"].share.train) & set(sites["b-1"].share.train)


def field(tmp_path, *overrides):
    folder = write_spectral(tmp_path / "field")
    return folder, tiny(
        f"data.sources.field={{kind: folder, path: {folder}}}",
        "data.partition.kind=iid",
        "clients.b={source: field, tasks: [crop], sites: []}",
        "clients.a.sites=[]",
        "clients.c.sites=[]",
        *overrides,
    )


def test_a_description_counts_images_labels_and_channels(tmp_path):
    _, scenario = field(tmp_path, "clients.b.train_images=3")
    description = make_sites(scenario)["b"].description
    assert (description.client, description.channels) == ("b", 5)
    assert (description.images, description.val_images, description.test_images) == (3, 2, 0)
    assert description.labelled == {"crop": 3}
    assert [spec.classes for spec in description.tasks] == [("maize", "wheat")]


def test_labels_that_are_missing_where_that_is_allowed_are_not_counted(tmp_path):
    folder, scenario = field(tmp_path)
    manifest = folder / "dataset.yaml"
    manifest.write_text(
        manifest.read_text().replace("kind: classification", "kind: classification\n    partial: true")
    )
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("plot/1,wheat,0.5\n", ""))
    assert make_sites(scenario)["b"].description.labelled == {"crop": 3}


def test_held_out_training_images_validate_and_the_validation_images_test():
    whole, held = make_sites(tiny()), make_sites(tiny("data.holdout=0.25", "seed=7"))
    for name, site in held.items():
        share, before = site.share, whole[name].share
        assert (len(share.train), len(share.val)) == (3, 1)
        assert {*share.train, *share.val} == set(before.train)
        assert share.test == before.val
        assert site.description.test_images == 2
        assert share == make_sites(tiny("data.holdout=0.25"))[name].share


def test_broken_data_is_found_when_a_client_describes_itself(tmp_path):
    folder, scenario = field(tmp_path)
    image = folder / "images" / "plot" / "3.npy"
    image.write_bytes(b"")
    with pytest.raises(DataError, match=r"client 'b': .*plot/3\.npy"):
        _ = make_sites(scenario)["b"].description


def test_a_split_without_images_is_named_by_its_file(tmp_path):
    folder, scenario = field(tmp_path)
    (folder / "train.txt").unlink()
    with pytest.raises(DataError, match=r"data\.sources\.field: .*train\.txt: there is no such split"):
        make_sites(scenario)
