"""What is wrong with a scenario is known before a run begins."""

import pytest

from fedmtl.errors import ConfigError, DataError
from fedmtl.scenario import parse_scenario
from simulations.preflight import check_method, check_scenario
from tests.federations import tiny
from tests.spectral import write_spectral


def test_a_sound_scenario_passes():
    check_scenario(tiny())


def test_in_a_simulation_somebody_must_take_part():
    with pytest.raises(ConfigError, match="clients: name at least one client"):
        check_scenario(parse_scenario("name: x"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("method.name=fedavgg", "unknown method 'fedavgg': did you mean 'fedavg'?"),
        ("method.mu=1", "method.mu: method 'fedavg' has no such option"),
        ("exchange.down.name=int9", "unknown codec 'int9': did you mean 'int8'?"),
        ("training.device=abacus", "training.device: 'abacus' cannot be used here"),
        ("tasks.semsge.weight=2", "tasks.semsge: no client has this task; did you mean 'semseg'?"),
        ("clients.a.tasks=[semsge]", "clients.a.tasks: source 'rooms' has no task 'semsge'; did you mean"),
        ("clients.a.sites=['7']", "clients.a.sites: source 'rooms' has no site '7'"),
        ("clients.a.train_images=5", "clients.a.train_images: is 5, but must be from 1 to the 4"),
        ("data.sources.rooms.kind=romos", "did you mean 'rooms'?"),
        ("data.sources.rooms.trian=3", "data.sources.rooms.trian"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(override, words):
    with pytest.raises(ConfigError) as error:
        check_scenario(tiny(override))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["privacy={secure_sums: true, largest_weight: 16}", "method.name=fedamp"],
            "'fedamp' needs every client's",
        ),
        (["exchange.up.name=int9"], "unknown codec 'int9'"),
    ],
)
def test_a_comparison_looks_at_every_entrant_without_its_data(overrides, words):
    with pytest.raises(ConfigError, match=words):
        check_method(tiny(*overrides))


def missing_image(folder):
    (folder / "images" / "plot" / "1.npy").unlink()
    return "plot/1"


def unreadable_image(folder):
    path = folder / "images" / "plot" / "1.npy"
    path.write_bytes(path.read_bytes()[:50])
    return str(path)


def missing_row(folder):
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("plot/1,", "plot/9,"))
    return str(table)


def unknown_class(folder):
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("maize", "barley"))
    return str(table)


def empty_split(folder):
    (folder / "val.txt").write_text("")
    return str(folder / "val.txt")


@pytest.mark.parametrize(
    "damage",
    [missing_image, unreadable_image, missing_row, unknown_class, empty_split],
    ids=lambda f: f.__name__,
)
def test_broken_data_is_refused_with_the_files_name(damage, tmp_path):
    folder = write_spectral(tmp_path / "field")
    where = damage(folder)
    broken = tiny(
        f"data.sources.field={{kind: folder, path: {folder}}}",
        "data.partition.kind=iid",
        "clients={d: {source: field, tasks: [crop]}}",
        *(f"clients.{name}.sites=[]" for name in "abc"),
    )
    with pytest.raises(DataError) as error:
        check_scenario(broken)
    assert where in str(error.value)
