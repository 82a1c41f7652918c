"""``lab reach`` as a person runs it: a matrix, its files, and what became reachable."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest

from lab.report.wire.schema import reach_schema
from tests.doors.project import Project

pytestmark = pytest.mark.kernel

POLICY = "policies/small-gateway.rules.j2"
WORDS = ("reach", "--topology", "small", "--policy", "gateway=small-gateway", "--service", "tcp/443,8443")
OPENED = "-A FORWARD -s 203.0.113.0/24 -p tcp -m tcp --dport 8443 -j ACCEPT\n"


def test_a_matrix_its_files_and_what_became_reachable(project: Project) -> None:
    done = project.lab(*WORDS, "--json", "reach.json", "--svg", "reach.svg").ended(0)
    told = json.loads(project.read("reach.json"))
    jsonschema.validate(told, reach_schema())
    assert [matrix["services"] for matrix in told["matrices"]] == [["tcp/443"], ["tcp/8443"]]
    assert f"gateway filter:FORWARD:2 (publish-web) [{POLICY}:11] to 10.0.2.10" in done.out
    assert ElementTree.fromstring(project.read("reach.svg")).tag == "{http://www.w3.org/2000/svg}svg"
    project.write(POLICY, project.read(POLICY).replace("-A INPUT -p icmp", f"{OPENED}-A INPUT -p icmp"))
    done = project.lab(*WORDS, "--against", "reach.json", "--json", "reach.json").ended(1)
    (new,) = [line for line in done.out.splitlines() if line.startswith("NEW: ")]
    assert new.startswith("NEW: tcp/8443: 203.0.113.0/24 -> ")
    assert new.endswith(f"reaches, was denied: gateway filter:FORWARD:3 [{POLICY}:13]")
    assert json.loads(project.read("reach.json"))["added"][0]["from"] == ["203.0.113.0/24"]


def test_what_is_asked_wrongly_is_told_and_written(project: Project) -> None:
    done = project.lab("reach", "--topology", "small", "--service", "icmp/echo-request", "--json", "reach.json").ended(2)
    assert "only ports of tcp and udp" in done.err
    assert "only ports of tcp and udp" in json.loads(project.read("reach.json"))["problems"][0]
    assert "by which service?" in project.lab("reach", "--topology", "small").ended(2).err
