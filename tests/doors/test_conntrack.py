"""``lab conntrack`` as a person runs it: flows held open, a matrix's rows, and a table that a host printed."""

from __future__ import annotations

import json

import jsonschema
import pytest

from lab.report.wire.schema import conntrack_schema
from tests.doors.project import LAB, Project, run

pytestmark = pytest.mark.kernel

LINE = (
    "tcp 6 431999 ESTABLISHED src=10.0.1.10 dst=192.0.2.7 sport=40000 dport=443 "
    "src=192.0.2.7 dst=198.51.100.1 sport=443 dport=40000 [ASSURED] mark=0 use=1\n"
)


def test_flows_are_held_open_and_told(project: Project) -> None:
    words = "world", "web-vip", "tcp/443", "world", "web-vip", "tcp/22"
    done = project.lab("conntrack", "--matrix", "matrices/small.yaml", *words, "--json", "table.json").ended(0)
    lines = done.out.splitlines()
    (entry,) = [line for line in lines if line.startswith("  tcp ESTABLISHED ")][:1]
    assert "198.51.100.1:443, to 10.0.2.10:8443" in entry
    assert entry.endswith("ASSURED")
    assert "1 entry" in lines
    assert "1 of 2 flows were held open meanwhile" in lines
    assert any(line.startswith("  not open: world > web-vip tcp/22: rejected") for line in lines)
    told = json.loads(project.read("table.json"))
    jsonschema.validate(told, conntrack_schema())
    assert [flow["passed"] for flow in told["flows"]] == [True, False]
    assert told["table"]["shown"][0]["reply"]["sport"] == 8443


def test_the_rows_that_allow_are_held_open(project: Project) -> None:
    done = project.lab("conntrack", "--matrix", "matrices/small.yaml", "-k", "public").ended(0)
    assert "1 of 1 flows were held open meanwhile" in done.out
    assert "none lets a flow through" in project.lab("conntrack", "--matrix", "matrices/small.yaml", "-k", "echo").ended(2).err


def test_a_table_of_a_host_is_read_by_a_pipe_too(project: Project) -> None:
    project.write("seen.txt", LINE)
    done = project.lab("conntrack", "--read", "seen.txt").ended(0)
    piped = run(["sh", "-c", f"{LAB} conntrack --read - < seen.txt"], project.folder).ended(0)
    assert piped.out.splitlines()[1:] == done.out.splitlines()[1:]
    assert "10.0.1.10:40000 > 192.0.2.7:443, as 198.51.100.1:40000" in done.out
    assert "also       translated source (1)" in done.out


HOST = """*nat
-A PREROUTING -i wan -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.2.10:8443
-A POSTROUTING -o wan -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i wan -o dmz -d 10.0.2.10 -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
"""


def test_on_a_twin_somebody_listens_wherever_a_flow_arrives(project: Project) -> None:
    project.write("gw.rules", HOST)
    done = project.lab("conntrack", "--twin", "gw.rules", "203.0.113.9@wan", "self", "tcp/443").ended(0)
    assert "1 of 1 flows were held open meanwhile" in done.out
    assert ", to 10.0.2.10:8443" in done.out


def test_what_is_asked_wrongly_is_told_and_written(project: Project) -> None:
    done = project.lab("conntrack", "--matrix", "matrices/small.yaml", "world", "web-vip", "--json", "t.json").ended(2)
    assert "a flow is three words" in done.err
    assert "a flow is three words" in json.loads(project.read("t.json"))["problems"][0]
