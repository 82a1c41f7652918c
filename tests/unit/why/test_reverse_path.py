"""A reverse path filter that was counted on, and let a packet by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.record.lead import Lead
from lab.record.packet import Packet
from lab.record.path import End
from lab.why.reverse_path import reverse_path
from lab.written.cell import Expectation
from tests.unit.verdict.made import SYN
from tests.unit.why.walks import failed, saved, table, told, way

CHAINS = saved(table("-A FORWARD -j ACCEPT"))
STRICT, LOOSE = {"net.ipv4.conf.all.rp_filter": "1"}, {"net.ipv4.conf.lan.rp_filter": "2"}
SYN_6 = SYN._replace(family=6, source="2001:db8:1::10", destination="2001:db8:2::10")


@pytest.mark.parametrize(("sysctls", "dev", "entry", "why"), [
    ({}, "wan", SYN, "rp_filter is 0 at lan"),
    (LOOSE, "wan", SYN, "rp_filter is 2 (loose) at lan: it asks for any route to the source, and 10.0.1.10 has one by wan"),
    (STRICT, "lan", SYN, "the way back to 10.0.1.10 is by lan, by which it came"),
    (STRICT, "wan", SYN, ""),
    (STRICT, "wan", SYN_6, "IPv6 has none but that of rules"),
])  # fmt: skip
def test_why_it_did_not_keep_it(sysctls: dict[str, str], dev: str, entry: Packet, why: str) -> None:
    path = way(CHAINS, "filter:FORWARD:1 accept", entry=entry, end=End.LEFT, exit=entry)
    case = failed(CHAINS, path, action="drop")
    case = replace(
        case, expect=Expectation("drop", None, {"by": "rp_filter"}), sysctls={"gateway": sysctls},
        verdict=replace(case.verdict, passed_node=True), ask_route=lambda node, to, *_: Lead(node, to, dev),
    )  # fmt: skip
    hints = told(reverse_path, case)
    assert [hint.startswith(f"no reverse path filter of gateway kept it: {why}") for hint in hints] == ([True] if why else [])
    loose = "`net.ipv4.conf.lan.rp_filter: 1` in its"
    assert [loose in hint for hint in hints] == ([sysctls is LOOSE] if why else [])  # of both the greater one holds
    assert told(reverse_path, replace(case, expect=Expectation("drop"))) == []
    assert told(reverse_path, replace(case, verdict=replace(case.verdict, passed_node=False))) == []
