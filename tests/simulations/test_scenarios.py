"""Every scenario that is shipped can be run, and is what its header says."""

import re
from pathlib import Path

import pytest

from clients.site import make_sites
from fedmtl import shipped
from fedmtl.config import Resize
from fedmtl.scenario import load_scenario

COMPARED = [name for name in shipped.names() if name.startswith("s") and name[1].isdigit()]
COMPARED.append("street-people-room")
AS_THE_FIELD = [name for name in shipped.names() if name.startswith(("fedhca2", "fmtl-bench"))]
LARGEST = {"nyud": (448, 576), "pascal-context": (500, 500)}
"""Kind → what holds every image of the archive that scenarios are on."""
NYUD_MT = (480, 640)
DATASETS = Path(__file__).parents[2] / "docs" / "datasets.md"


def scenario_of(name):
    scenario = load_scenario(shipped.find(name))
    for source in scenario.data.sources.values():
        if "path" in source and not Path(source["path"]).is_dir():
            pytest.skip(f"there is no {source['path']}")
    return scenario


def sites_of(name):
    return make_sites(scenario_of(name))


def tasks_of(sites):
    return {client: {spec.name for spec in site.tasks} for client, site in sites.items()}


def places_of(site):
    return {site.source.site(sample_id) for sample_id in site.share.train}


@pytest.mark.parametrize("name", shipped.names())
def test_every_client_has_images_and_none_twice(name):
    sites = sites_of(name)
    trained = [(id(site.source), sample_id) for site in sites.values() for sample_id in site.share.train]
    assert len(trained) == len(set(trained))
    for site in sites.values():
        share = site.share
        assert share.train
        assert share.val
        assert not {*share.train} & {*share.val}
        assert not ({*share.train} | {*share.val}) & {*share.test}


@pytest.mark.parametrize("name", COMPARED)
def test_what_is_compared_is_measured_on_test_images_and_on_the_way(name):
    scenario = scenario_of(name)
    assert scenario.federation.evaluate_test
    assert scenario.federation.evaluate_every
    assert all(len(site.share.test) >= len(site.share.val) for site in make_sites(scenario).values())


def test_s1_has_the_same_tasks_everywhere_and_mixed_sites():
    sites = sites_of("s1-iid")
    assert len({frozenset(tasks) for tasks in tasks_of(sites).values()}) == 1
    assert all(len(places_of(site)) == 4 for site in sites.values())


def test_s2_has_one_task_a_client_that_no_other_has():
    tasks = tasks_of(sites_of("s2-single-task")).values()
    assert [len(each) for each in tasks] == [1, 1, 1, 1]
    assert len(set.union(*tasks)) == 4


def test_s3_has_different_tasks_everywhere_and_mixed_sites():
    sites = sites_of("s3-task-subsets")
    assert len({frozenset(tasks) for tasks in tasks_of(sites).values()}) == len(sites)
    assert all(len(places_of(site)) == 4 for site in sites.values())


@pytest.mark.parametrize("name", ["s4-cross-domain-single", "s4-real"])
def test_s4_has_one_task_a_client(name):
    tasks = tasks_of(sites_of(name)).values()
    assert {len(each) for each in tasks} == {1}
    assert len(set.union(*tasks)) < len(tasks)


def test_s4_has_one_site_a_client():
    places = [places_of(site) for site in sites_of("s4-cross-domain-single").values()]
    assert [len(each) for each in places] == [1] * 6
    assert len(set.union(*places)) == 6


def test_s5_is_tested_on_the_folders_validation_lists():
    for site in sites_of("street-people-room").values():
        assert list(site.share.test) == list(site.source.source.ids("val"))


def test_s6_has_a_client_of_every_kind_at_every_site_and_samples_a_quarter():
    scenario, sites = scenario_of("s6-many-clients"), sites_of("s6-many-clients")
    assert scenario.federation.fraction == 0.25
    pairs = {(frozenset(tasks_of(sites)[client]), *places_of(site)) for client, site in sites.items()}
    assert len(pairs) == len(sites) == 32
    assert {len(site.share.train) for site in sites.values()} == {12}


@pytest.mark.parametrize("name", AS_THE_FIELD)
def test_images_of_published_data_are_measured_at_their_own_scale(name):
    data = load_scenario(shipped.find(name)).data
    assert data.resize is Resize.keep
    assert data.augment.scale == (0.5, 2.0)
    for source in data.sources.values():
        assert all(axis <= own for axis, own in zip(LARGEST[source["kind"]], data.image_size, strict=True))


@pytest.mark.parametrize("where", [DATASETS, *(shipped.find(name) for name in AS_THE_FIELD)])
def test_who_is_told_to_take_nyud_mt_is_told_a_size_that_holds_its_images(where):
    lines = [
        line
        for line in where.read_text().splitlines()
        if re.search(r"data\.sources\.nyud\.path=\S*NYUD_MT", line)
    ]
    assert lines
    for line in lines:
        size = re.search(r"data\.image_size=\[(\d+),(\d+)\]", line)
        assert size, line
        assert int(size[1]) >= NYUD_MT[0]
        assert int(size[2]) >= NYUD_MT[1]
