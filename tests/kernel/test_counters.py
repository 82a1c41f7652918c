"""Counters of rules as one more witness: what the trace says was met has counted it, on both backends and in native rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.kernel.ground.tools import run
from lab.kernel.watch.counters import Counted
from lab.kernel.watch.instrument import Instrument
from lab.lab import Lab
from lab.record.verdict import Kind, Verdict
from lab.report.path import describe_path
from lab.ruleset.backend import Backend
from lab.ruleset.rulesets import Rulesets
from tests.kernel.bursting import native, results, row
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import ESTABLISHED, corridor, rendered, rulesets, table, topology

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

WEB = "-A FORWARD -p tcp --dport 80 -m conntrack --ctstate NEW -j web"
TEXT = table(
    "filter", "-A INPUT -p tcp -j ACCEPT", ESTABLISHED, WEB, "-A web -p udp -j DROP", "-A web -j ACCEPT",
    "-A rest -j DROP", FORWARD="DROP", rest="-", web="-",
)  # fmt: skip
SCRIPT = """table ip door {
    counter seen { }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established accept
        ip saddr 10.0.1.10 counter
        tcp dport 80 counter name "seen" accept
        tcp dport 81 counter drop
    }
}
"""


def moved(verdict: Verdict) -> dict[str, int]:
    """By how much the counters of rules grew."""
    return {one.rule.place: one.after - one.before for one in verdict.observation.counters}


def test_rules_and_policies_of_iptables(lab_of: LabOf, backend: Backend) -> None:
    lab = lab_of(corridor(), gateway=rulesets(TEXT))
    with lab.counted():
        web, none = lab.probe("client", "server", "tcp/80"), lab.probe("client", "server", "tcp/81")
    policies = {"filter:FORWARD policy": 1} if backend is Backend.LEGACY else {}
    counted = moved(web)
    assert counted.pop("filter:FORWARD:1") > 2, "the answers, and what else the connection said"
    assert counted == {"filter:FORWARD:2": 1, "filter:web:2": 1}
    assert (moved(none), none.kind) == (policies, Kind.DROPPED)
    told = "\n".join(describe_path(web.path, web.observation.counters))
    assert "filter web:2 accept  [0 -> 1 packets]" in told
    again = lab.probe("client", "server", "tcp/80")
    assert again.observation.counters == (), "nobody asked for them"


def test_what_is_read_is_what_the_tool_prints(lab_of: LabOf, backend: Backend) -> None:
    v4 = TEXT + table("nat", "-A POSTROUTING -p tcp -j MASQUERADE")
    lab = lab_of(corridor(), gateway=rulesets(v4))
    for port in (80, 80, 81):
        lab.probe("client", "server", f"tcp/{port}")
    node, told = lab.network.nodes["gateway"], lab.instrument.packets()
    tool = f"iptables-{backend}-save"
    printed = re.findall(r"^\[(\d+):\d+\] -A (\S+)", run(node.namespace, [tool, "-c"]).out, re.MULTILINE)
    assert len(printed) == 7
    rules = [rule for rule in lab.policies["gateway"].index.all() if rule.number is not None]
    counts = sorted((rule.chain, told.of(rule)) for rule in rules)
    assert counts == sorted((chain, int(packets)) for packets, chain in printed)
    assert sum(packets or 0 for _, packets in counts) > 4


def test_native_rules_count_where_they_say_so() -> None:
    with Lab(topology(corridor()), {"gateway": Rulesets(nft=rendered(SCRIPT, "gateway.nft"))}) as lab, lab.counted():
        first, second, dropped = (lab.probe("client", "server", f"tcp/{port}") for port in (80, 80, 81))
    assert moved(first) == {"door:forward:2": 1, "door:forward:3": 1}, "the second counts by a counter with a name"
    assert [(one.rule.number, one.before, one.after) for one in second.observation.counters] == [(2, 1, 2), (3, 1, 2)]
    assert moved(dropped) == {"door:forward:2": 1, "door:forward:4": 1}


def test_a_counter_that_stands_still_where_its_rule_was_met_proves_nothing(
    lab_of: LabOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_of(corridor(), gateway=rulesets(TEXT))
    still = lab.instrument.packets()

    def packets(_instrument: Instrument) -> Counted:
        return still

    monkeypatch.setattr(Instrument, "packets", packets)
    with lab.counted():
        lost = lab.probe("client", "server", "tcp/80")
    assert lost.kind is Kind.LOST
    assert lost.observation.faults[0] == "gateway filter:FORWARD:2 was met, as the trace tells, and its counter stands at 0"
    assert lab.probe("client", "server", "tcp/80").kind is Kind.ALLOWED, "who does not ask for counters reads none"


def test_each_packet_of_a_burst_has_those_of_its_way(tmp_path: Path) -> None:
    files = native("ct state new tcp dport 21 limit rate 5/minute burst 2 packets counter accept")
    (cell,) = results(tmp_path, files, [{**row("limit", "tcp/21", 4, 2), "family": 6}]).values()
    (passing, _) = cell.bursts[0].groups
    assert moved(passing.verdict) == {"door:forward:2": 1}
