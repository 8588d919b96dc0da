"""Scenarios are found by name, and come with the package."""

import pytest

from fedmtl import shipped
from fedmtl.errors import ConfigError
from fedmtl.scenario import load_scenario


def test_the_shipped_scenarios_load_and_are_called_like_their_files():
    assert {"rooms", "street-people-room", "two-rooms"} <= set(shipped.names())
    for name in shipped.names():
        scenario = load_scenario(shipped.find(name))
        assert scenario.name == name
        assert scenario.description


def test_a_file_is_found_by_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.touch()
    assert shipped.find(str(path)) == path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("romos", "there is no scenario 'romos'; did you mean 'rooms'?"),
        ("x/none.yaml", "no scenario file x/none.yaml"),
    ],
)
def test_what_does_not_exist_is_named(name, words):
    with pytest.raises(ConfigError) as error:
        shipped.find(name)
    assert words in str(error.value)
