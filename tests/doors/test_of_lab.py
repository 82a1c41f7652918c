"""``--lab``: a lab that is up is asked as it is now, by `trace`, `sweep` and `run`."""

from __future__ import annotations

import pytest

from tests.doors.project import Project
from tests.kept import Up

pytestmark = pytest.mark.kernel

MATRIX, TRACE = "matrices/small.yaml", ("trace", "world", "gateway", "tcp/22", "--lab", "it")


def test_what_nobody_changed_is_as_its_files_say(project: Project, it: Up) -> None:
    done = project.lab("run", MATRIX, "--lab", "it").ended(0)
    assert "7 passed" in done.out
    assert "[policies/small-gateway.rules.j2:" in project.lab(*TRACE).ended(0).out


def test_what_was_changed_by_hand_is_said(project: Project, it: Up) -> None:
    it.type("gateway", "iptables -I INPUT -p tcp --dport 22 -j REJECT", "iptables -I FORWARD -j DROP")
    told = project.lab(*TRACE).ended(0).out
    assert told.startswith("note: it: rules were changed by hand at gateway\n")
    assert "rejected" in told
    assert "gateway filter:INPUT:1" in told
    assert "[changed by hand]" in told
    swept = project.lab("sweep", "world", "gateway", "tcp/20-23", "--lab", "it").ended(0).out
    assert "gateway filter:INPUT:1 [changed by hand]" in swept
    failed = project.lab("run", MATRIX, "--lab", "it").ended(1).out
    assert "gateway filter:FORWARD:1 dropped it  [changed by hand]" in failed


def test_what_the_lab_has_of_its_own_is_not_given(project: Project, it: Up) -> None:
    for option, value in (("--policy", "gateway=small-gateway"), ("--topology", "small"), ("--twin", "fw.rules")):
        project.write("fw.rules", "*filter\nCOMMIT\n")
        said = project.lab(*TRACE, option, value).ended(2).err
        assert said.startswith(f"{option} and --lab: lab it has a network and rules of its own")
    assert "`lab run matrices/small.yaml --lab it`" in project.lab(*TRACE, "--matrix", MATRIX).ended(2).err
    assert "brought up with --backend nft" in project.lab(*TRACE, "--backend", "both").ended(2).err
    assert "--all-blockers and --lab" in project.lab(*TRACE, "--all-blockers").ended(2).err
    assert "--pcap and --lab" in project.lab("run", MATRIX, "--lab", "it", "--pcap", "there").ended(2).err
    none = project.lab("trace", "world", "gateway", "tcp/22", "--lab", "other").ended(2).err
    assert none == "no lab called 'other' is up\n    up are: it\n"


def test_a_matrix_of_another_topology(project: Project, it: Up) -> None:
    project.write("topologies/other.yaml", project.read("topologies/small.yaml").replace("topology: small", "topology: other"))
    project.edit(MATRIX, "topology: small", "topology: other")
    said = project.lab("run", MATRIX, "--lab", "it").ended(2).err
    assert f"{MATRIX} is about topology other, and lab it stands on small" in said


def test_what_needs_a_lab_of_its_own_has_one_only_where_nothing_was_changed(project: Project, it: Up) -> None:
    text = project.read(MATRIX)
    row = """flows:
  - name: while the link is down
    from: world
    to: web-vip
    service: tcp/443
    steps:
      - open: allow
      - link: {node: gateway, interface: dmz, state: down}
      - link: {node: gateway, interface: dmz, state: up}
"""
    project.write(MATRIX, text[: text.index("flows:")] + row)
    project.lab("run", MATRIX, "--lab", "it").ended(0)
    it.type("gateway", "ip route add blackhole 203.0.113.0/24")
    said = project.lab("run", MATRIX, "--lab", "it").ended(3).told
    assert "this needs a lab of its own, and it is not as it was brought up: gateway: + ip route blackhole 203.0.113" in said
