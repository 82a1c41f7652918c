"""``lab load``: other rules into a node of a lab that is up."""

from __future__ import annotations

import pytest

from tests.doors.project import Project
from tests.kept import Up

pytestmark = pytest.mark.kernel

RULES = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dport 8443 -j REJECT\nCOMMIT\n"
TRACE = ("trace", "world", "web", "tcp/8443", "--lab", "it")


def test_who_asks_later_knows_its_lines(project: Project, it: Up) -> None:
    it.type("gateway", "iptables -I FORWARD -j ACCEPT")
    project.write("other.rules", RULES)
    told = project.lab("load", "it", "gateway", "other.rules").ended(0).out
    assert "- iptables -A FORWARD -j ACCEPT\n" in told
    assert "+ iptables -A FORWARD -p tcp -m tcp --dport 8443 -j REJECT" in told
    assert told.splitlines()[-1].startswith("it: gateway holds other.rules now; ")
    later = project.lab(*TRACE).ended(0).out
    assert "changed by hand" not in later
    assert "/other.rules:4]" in later
    again = project.lab("load", "it", "gateway", "other.rules").ended(0).out
    assert again.endswith("it: gateway holds other.rules now; nothing differs\n")
    assert "holds small-gateway now" in project.lab("load", "it", "gateway", "small-gateway").ended(0).out


def test_what_is_refused_leaves_what_was_there(project: Project, it: Up) -> None:
    it.type("gateway", "iptables -I FORWARD -p tcp --dport 8443 -j DROP")
    project.write("wrong.rules", RULES.replace("REJECT", "NOSUCH"))
    said = project.lab("load", "it", "gateway", "wrong.rules").ended(2).err
    assert "/wrong.rules:4: " in said
    assert "gateway filter:FORWARD:1" in project.lab(*TRACE).ended(0).out
    assert "it has no node 'nope'" in project.lab("load", "it", "nope", "wrong.rules").ended(2).err
