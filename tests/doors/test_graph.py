"""``lab graph``: a drawing of a topology, or of a lab that is up."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from tests.doors.project import Project
from tests.kept import Up

pytestmark = pytest.mark.kernel


def test_a_link_that_was_set_down_is_drawn_so(project: Project, it: Up) -> None:
    whole = project.lab("graph", "--topology", "small").ended(0).out
    assert whole.startswith("small\n")
    assert "link" not in whole
    it.type("gateway", "ip link set dmz down")
    told = project.lab("graph", "it").ended(0).out
    assert told.startswith("it (small), up\n")
    assert "link down" in next(line for line in told.splitlines() if "[gateway]" in line and " dmz " in line)
    root = ElementTree.fromstring(project.lab("graph", "it", "--svg", "-").ended(0).out)
    assert "down" in [line.get("class") for line in root.iter("{http://www.w3.org/2000/svg}line")]


def test_what_cannot_be_drawn(project: Project, it: Up) -> None:
    assert "a lab, or a topology?" in project.lab("graph").ended(2).told
    assert "a lab, or a topology?" in project.lab("graph", "it", "--topology", "small").ended(2).told
    assert "'nope'" in project.lab("graph", "nope").ended(2).told
