import xml.etree.ElementTree as ET

from fedmtl.reporting.svg import axes, styles, to_svg


def _figure():
    figure, plot = axes(3, 2)
    plot.plot([1, 2], [3, 4], label="a")
    plot.set_title("title & <more>")
    return figure


def test_is_one_described_element():
    root = ET.fromstring(to_svg(_figure(), 'a "b" <c>'))
    assert root.tag.endswith("svg")
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a "b" <c>'
    assert root.get("viewBox")
    assert root.get("width") is None


def test_text_is_text_in_the_colour_of_the_page():
    svg = to_svg(_figure(), "x")
    assert "title &amp; &lt;more&gt;" in svg
    assert "currentColor" in svg
    assert "#010203" not in svg


def test_names_nothing_outside_itself():
    svg = to_svg(_figure(), "x")
    assert "http" not in svg
    assert "<metadata" not in svg


def test_same_figure_same_bytes():
    assert to_svg(_figure(), "x") == to_svg(_figure(), "x")


def test_two_plots_share_no_id():
    ids = [
        {element.get("id") for element in ET.fromstring(to_svg(_figure(), name)).iter() if element.get("id")}
        for name in ("x", "y")
    ]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_32_styles_differ_and_depend_on_place_alone():
    names = [f"client-{i}" for i in range(32)]
    assert len(set(styles(names).values())) == 32
    assert styles(names)["client-3"] == styles(names[:4])["client-3"]
