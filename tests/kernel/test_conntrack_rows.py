"""What a row says of a flow's entry of conntrack, held against the kernel: on both iptables, and in native nft."""

from __future__ import annotations

from typing import Any

import pytest

from lab.record.result import Outcome
from lab.ruleset.backend import Backend
from tests.kernel.conftest import Project
from tests.kernel.scenes import ESTABLISHED, corridor, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

OPEN = table("filter", ESTABLISHED, "-A FORWARD -i left -m comment --comment out -j ACCEPT", FORWARD="DROP")
RAW = table(
    "raw",
    "-A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
    "-A PREROUTING -p udp --dport 70 -j CT --zone 7",
    "-A PREROUTING -p udp --dport 71 -j CT --zone-orig 7",
    "-A PREROUTING -p udp --sport 70 -j CT --zone 7",
    "-A PREROUTING -p tcp --dport 80 -j CT --timeout patient",
    "-A PREROUTING -p udp --dport 90 -j CT --notrack",
    "-A PREROUTING -p udp --sport 90 -j CT --notrack",
    "-A PREROUTING -p udp --dport 91 -j CT --notrack",
)  # fmt: skip
MANGLE = table(
    "mangle",
    "-A PREROUTING -p tcp --dport 22 -j CONNMARK --set-mark 0x16",
    "-A PREROUTING -p udp --dport 60 -m connlabel --label 3 --set",
    "-A PREROUTING -p udp --dport 60 -m connlabel --label 100 --set",
)  # fmt: skip
IPTABLES = RAW + MANGLE + OPEN
NATIVE = """table ip made {
    ct helper ftp-control { type "ftp" protocol tcp; l3proto ip; }
    ct timeout patient { protocol tcp; l3proto ip; policy = { established: 777 }; }
    chain first {
        type filter hook prerouting priority raw
        udp dport 70 ct zone set 7
        udp dport 71 ct original zone set 7
        udp sport 70 ct zone set 7
        udp dport { 90, 91 } notrack
        udp sport 90 notrack
    }
    chain then {
        type filter hook prerouting priority filter
        tcp dport 21 ct helper set "ftp-control"
        tcp dport 80 ct timeout set "patient"
        tcp dport 22 ct mark set 0x16
        udp dport 60 ct label set 3
        udp dport 60 ct label set 100
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "left" accept
    }
}
"""
ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "state": ("tcp/443", {"state": "established", "assured": True, "status": ["SEEN_REPLY", "assured"]}, {"state": "NEW"}),
    "replied": ("udp/53", {"state": "ESTABLISHED", "status": "SEEN_REPLY", "assured": False}, {"status": "UNREPLIED"}),
    "mark": ("tcp/22", {"mark": 0x16}, {"mark": 0}),
    "zone": ("udp/70", {"zone": 7}, {"zone": 0}),
    "no zone": ("udp/53", {"zone": 0, "helper": "none", "labels": []}, {"zone": 7}),
    "one direction": ("udp/71", {"zone": 7}, {"zone": 8}),
    "helper": ("tcp/21", {"helper": "ftp"}, {"helper": "none"}),
    "labels": ("udp/60", {"labels": [100, 3]}, {"labels": [3]}),
    "timeout": ("tcp/443", {"timeout": 432_000}, {"timeout": {"max": 431_000}}),
    "count": ("tcp/443", {"count": 1}, {"count": 2}),
    "untracked": ("udp/90", {"state": "UNTRACKED"}, {"state": "ESTABLISHED"}),
    "its answer": ("udp/91", {"state": "NEW", "status": "UNREPLIED"}, {"state": "UNTRACKED"}),
}
ANSWERS = "-A FORWARD -i right -p udp -m multiport --sports 90,91 -j ACCEPT"
TEXTS = {
    "iptables": RAW + MANGLE + OPEN.replace(ESTABLISHED, f"{ESTABLISHED}\n{ANSWERS}"),
    "native": NATIVE.replace('iifname "left"', 'udp sport { 90, 91 } accept\n        iifname "left"'),
}
DIALECT = pytest.mark.parametrize("dialect", TEXTS)


def told(project: Project, backend: Backend, dialect: str, which: int) -> dict[str, tuple[str, ...]]:
    """What is otherwise in each row: of 1 each holds, of 2 none."""
    if dialect == "native" and backend is Backend.LEGACY:
        pytest.skip("native nft is of no iptables")
    row = {"from": "client", "to": "server", "expect": "allow"}
    flows = [{**row, "name": name, "service": one[0], "conntrack": one[which]} for name, one in ROWS.items()]
    results = project.run(corridor(), {"gateway": TEXTS[dialect]}, flows, backend=backend).results
    assert {one.outcome for one in results} == {Outcome.PASSED if which == 1 else Outcome.MISMATCH}
    return {one.row: one.differences for one in results}


@DIALECT
def test_every_key_holds(project: Project, backend: Backend, dialect: str) -> None:
    assert told(project, backend, dialect, 1) == dict.fromkeys(ROWS, ())


@DIALECT
def test_what_is_otherwise_is_told(project: Project, backend: Backend, dialect: str) -> None:
    found = {name: text.partition(" s, but")[0] for name, (text,) in told(project, backend, dialect, 2).items()}
    assert found == {
        "state": "conntrack state must be NEW, but is ESTABLISHED",
        "replied": "conntrack status must have UNREPLIED, but is SEEN_REPLY CONFIRMED",
        "mark": "conntrack mark must be 0, but is 22",
        "zone": "conntrack zone must be 0, but is 7",
        "no zone": "conntrack zone must be 7, but is 0",
        "one direction": "conntrack zone must be 8, but is 7",
        "helper": "conntrack helper must be none, but is ftp",
        "labels": "conntrack labels must be 3, but are 3, 100",
        "timeout": "conntrack timeout must be at most 431000",
        "count": "conntrack must hold 2 of its source's flows, but the count is 1",
        "untracked": "must have a conntrack entry at gateway, but has none",
        "its answer": "conntrack state must be UNTRACKED, but is NEW by its answer",
    }
