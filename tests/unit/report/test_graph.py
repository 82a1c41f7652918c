"""A lab as a drawing, on a screen and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from lab.prepare.drawing import drawing_of
from lab.record.drawing import Drawing
from lab.record.status import LabStatus, LinkStatus, NodeStatus
from lab.report.graph import graph_lines
from lab.report.graph_svg import graph_svg
from lab.written.topology import Topology

SVG = "{http://www.w3.org/2000/svg}"
TOPOLOGY = Topology.model_validate({
    "topology": "tiny",
    "networks": {"wan": ["192.0.2.0/24"], "lan": ["10.0.1.0/24", "fd00:1::/64"]},
    "nodes": {
        "gw": {"role": "gateway", "forwards": True, "interfaces": {"wan": "192.0.2.1", "lan": ["10.0.1.1", "fd00:1::1"]}},
        "pc": {"role": "client", "interfaces": {"lan": ["10.0.1.9"]}},
    },
})  # fmt: skip


def up(*links: LinkStatus) -> Drawing:
    there = LinkStatus("lan", "up", ("10.0.1.77/24", "fe80::1/64"), 1500)
    nodes = NodeStatus("gw", links, ()), NodeStatus("pc", (there,), ())
    return drawing_of(TOPOLOGY, LabStatus("mine", "tiny", None, nodes))


HALF = up(LinkStatus("wan", "up", ("192.0.2.1/24",), 1500), LinkStatus("lan", "down", ("10.0.1.1/24",), 1500))


def test_each_network_has_the_nodes_on_it() -> None:
    assert list(graph_lines(drawing_of(TOPOLOGY))) == [
        "tiny",
        "",
        "━━ wan  192.0.2.0/24",
        "   └── [gw] gateway  wan  192.0.2.1/24  joins lan",
        "",
        "━━ lan  10.0.1.0/24  fd00:1::/64",
        "   ├── [gw] gateway  lan  10.0.1.1/24 fd00:1::1/64  joins wan",
        "   └── [pc] client   lan  10.0.1.9/24",
    ]


def test_a_lab_that_is_up_has_its_addresses_and_links_of_now() -> None:
    told = list(graph_lines(HALF))
    assert told[0] == "mine (tiny), up"
    assert told[-2] == "   ├┄┄ [gw] gateway  lan  10.0.1.1/24   link down, joins wan"
    assert told[-1] == "   └── [pc] client   lan  10.0.1.77/24"


def test_an_interface_that_was_taken_away_is_gone() -> None:
    assert any("[gw]" in line and "link gone" in line for line in graph_lines(up()))


def test_the_picture_has_a_line_for_each_interface_and_tells_which_are_down() -> None:
    root = ElementTree.fromstring(graph_svg(HALF))
    assert [line.get("class") for line in root.iter(f"{SVG}line")] == [None, "down", None]
    assert [title.text for title in root.iter(f"{SVG}title")] == [
        "gw wan on wan: 192.0.2.1/24, link up", "gw lan on lan: 10.0.1.1/24, link down", "pc lan on lan: 10.0.1.77/24, link up",
    ]  # fmt: skip
    height = float(root.get("height") or 0)
    boxes = list(root.iter(f"{SVG}rect"))[1:]
    assert len(boxes) == 4
    for box in boxes:
        assert float(box.get("y") or -1) >= 0
        assert float(box.get("y") or 0) + float(box.get("height") or 0) <= height


def test_names_of_strangers_stay_words_in_the_picture() -> None:
    hostile = Drawing('<script>alert("1")</script>\x1b[2J', (), ())
    root = ElementTree.fromstring(graph_svg(hostile))
    assert not list(root.iter(f"{SVG}script"))
