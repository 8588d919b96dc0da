from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from fedmtl import registry as module
from fedmtl.aggregation import METHODS
from fedmtl.data import SOURCES
from fedmtl.errors import ConfigError
from fedmtl.registry import Registry
from fedmtl.tasks import TASKS


class Shape:
    """The contract."""


@dataclass
class Box(Shape):
    width: int
    depth: float = 2.0
    colours: list[str] = field(default_factory=list)
    sides: ClassVar[int] = 6
    _cache: int = 0


class Point(Shape):
    """Has no options."""


NOT_A_SHAPE = Shape()
SHAPES = Registry("shape", Shape, "fedmtl.tests", {"box": f"{__name__}:Box", "lost": "no.such.module:Thing"})


def test_a_name_gives_its_class():
    assert SHAPES["box"] is Box
    assert list(SHAPES) == ["box", "lost"]


def test_an_import_path_needs_no_entry():
    assert SHAPES[f"{__name__}:Point"] is Point


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bx", "unknown shape 'bx': did you mean 'box'"),
        ("", "unknown shape '': known: box, lost"),
        ("lost", "shape 'lost' cannot be imported from no.such.module:Thing: No module named"),
        (f"{__name__}:Cone", "cannot be imported from .*Cone"),
        (f"{__name__}:", "cannot be imported"),
        (":Box", "cannot be imported"),
        (":", "cannot be imported"),
        (".relative:Box", "cannot be imported"),
        ("os:path", "is not a Shape"),
        (f"{__name__}:NOT_A_SHAPE", "is not a Shape"),
    ],
)
def test_what_cannot_be_had_is_told(name, message):
    with pytest.raises(ConfigError, match=message):
        _ = SHAPES[name]


def test_entries_are_built_from_their_options():
    assert SHAPES.build("box", {"width": 3, "colours": ["red"]}, "room") == Box(3, 2.0, ["red"])
    assert SHAPES.build("box", {"width": "3", "depth": "1e-3"}, "room") == Box(3, 1e-3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "box",
            {"width": 1, "widht": 2},
            r"room.widht: shape 'box' has no such option; did you mean 'width'",
        ),
        (
            "box",
            {"width": 1, "sides": 4},
            r"room.sides: shape 'box' has no such option; known: colours, depth, ",
        ),
        ("box", {"width": 1, "_cache": 4}, r"room._cache: shape 'box' has no such option"),
        ("box", {}, r"room.width: shape 'box' needs this option"),
        ("box", {"width": "wide"}, r"room.width: Value 'wide'"),
        ("box", {"width": 1, "colours": 3}, r"room.colours: "),
        (f"{__name__}:Point", {"x": 1}, r"room.x: .* has no such option; there are none"),
    ],
)
def test_wrong_options_are_told_with_their_key(name, options, message):
    with pytest.raises(ConfigError, match=message) as caught:
        SHAPES.build(name, options, "room")
    assert "\n" not in str(caught.value)


def test_third_parties_add_entries_but_replace_none(monkeypatch):
    entries = [
        EntryPoint("point", f"{__name__}:Point", "fedmtl.tests"),
        EntryPoint("box", f"{__name__}:Point", "fedmtl.tests"),
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: entries if group == "fedmtl.tests" else [])
    assert list(SHAPES) == ["box", "lost", "point"]
    assert SHAPES["point"] is Point
    assert SHAPES["box"] is Box


@pytest.mark.parametrize("registry", [METHODS, SOURCES, TASKS], ids=lambda registry: registry.what)
def test_every_entry_of_ours_is_what_it_should_be(registry):
    assert len(list(registry)) >= 2
    for name in registry:
        assert issubclass(registry[name], registry.base)
