import tempfile
from dataclasses import replace

import pytest

from fedmtl.data.layouts import open_folder
from fedmtl.errors import DataError
from simulations.benchmarks import loading
from simulations.benchmarks.archives import DISTINCT, LAYOUTS, write_archive
from simulations.benchmarks.decoding import decoding_rows
from tests.federations import tiny

SMALL = {name: replace(layout, size=(40, 56)) for name, layout in LAYOUTS.items()}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(loading, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(loading, "LAYOUTS", {"NYUDv2": SMALL["NYUDv2"]})
    monkeypatch.setattr(loading, "THREADS", 1)  # another test has the other core


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_made_up_archive_is_read_whole_and_every_label_decoded(name, tmp_path):
    write_archive(SMALL[name], tmp_path / "archive", DISTINCT + 1)
    source = open_folder(tmp_path / "archive")
    assert source.check() == []
    assert (len(source.ids("train")), len(source.ids("val"))) == (DISTINCT + 1, 1)
    tasks = list(source.tasks)
    first, *_, last = (source.load(sample_id, tasks) for sample_id in source.ids("train"))
    assert first.image.shape == (40, 56, 3)
    assert set(first.labels) == set(tasks)
    assert (last.image == first.image).all()  # another name of the same files

    rows = decoding_rows({name: source}, repeats=1)
    assert [row["what"] for row in rows] == ["image", *tasks, "all"]
    of = {row["what"]: row for row in rows}
    assert set(of["all"]["files"].split()) == {path.rpartition(".")[2] for path in LAYOUTS[name].files}
    assert all(row["milliseconds"] > 0 and (row["height"], row["width"]) == (40, 56) for row in rows)


def test_a_round_is_trained_from_everywhere_and_nothing_is_left(small, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = loading.run(["training.batch_size=2"], images=4, repeats=1, seconds=0)
    assert not [each for each in tmp_path.iterdir() if each.name.startswith("fedmtl-")]
    trained = [row for row in rows if row["measured"] == "training"]
    assert [(row["what"], row["workers"]) for row in trained] == [
        ("tensors", 0),
        *((cache, workers) for cache in ("none", "memory", "disk") for workers in (0, 2)),
    ]
    for row in trained:
        assert (row["data"], row["images"], row["threads"]) == ("NYUDv2", 4, 1)
        assert row["images_per_second"] == pytest.approx(1000 / row["milliseconds"])
        assert row["ratio"] == pytest.approx(trained[0]["milliseconds"] / row["milliseconds"])
    assert {row["what"] for row in rows[len(trained) :]} == {
        *("image", "semseg", "depth", "normals", "edge", "all")
    }


def test_data_sets_of_ones_own_are_measured_in_place_of_made_up_ones(small, tmp_path):
    write_archive(SMALL["folder"], tmp_path / "data" / "mine", 2)
    (tmp_path / "data" / "notes").mkdir()
    assert list(loading.data_sets(tmp_path / "data")) == ["mine"]
    assert list(loading.data_sets(tmp_path / "data" / "mine")) == ["mine"]
    with pytest.raises(DataError, match="notes"):
        loading.data_sets(tmp_path / "data" / "notes")
