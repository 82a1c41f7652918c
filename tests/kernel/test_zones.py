"""Flows in zones of conntrack: their entries are found and forgotten, whatever put them into which zone."""

from __future__ import annotations

import pytest

from lab.lab import Lab
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import CLIENT, ESTABLISHED, FAR, SERVER, corridor, rendered, rulesets, table, topology
from tests.kernel.test_ipv6 import dual_corridor
from tests.kernel.test_isolation import entries

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

FILTER = table("filter", ESTABLISHED, "-A FORWARD -i left -j ACCEPT", FORWARD="DROP")
HIDDEN = table("nat", f"-A POSTROUTING -o right -j SNAT --to-source {FAR}")
ZONES = {
    "both": table("raw", "-A PREROUTING -j CT --zone 70"),
    "request": table("raw", "-A PREROUTING -j CT --zone-orig 71"),
    "answer": table("raw", "-A PREROUTING -j CT --zone-reply 72"),
    "mark": table("raw", "-A PREROUTING -j MARK --set-mark 0x49", "-A PREROUTING -j CT --zone mark"),
    "hidden": table("raw", "-A PREROUTING -j CT --zone-orig 74") + HIDDEN,
    "interface": table("raw", "-A PREROUTING -i left -j CT --zone 75", "-A PREROUTING -i right -j CT --zone 75"),
}
OF = {"both": (70, 70), "request": (71, 0), "answer": (0, 72), "mark": (73, 73), "hidden": (74, 0), "interface": (75, 75)}
NATIVE = """table inet zoned {{
    map zones {{ typeof ip saddr : ct zone; elements = {{ {client} : 80, {server} : 80 }} }}
    chain first {{
        type filter hook prerouting priority raw
        {rule}
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "left" accept
    }}
}}
"""


def talk(lab: Lab, family: int = 4) -> None:
    """Flows of each protocol out and, with the very tuples of their answers, in again; nobody lets those in."""
    ping = "icmp/echo-request" if family == 4 else "icmpv6/echo-request"
    for service, sport, back in (("udp/53", 5300, "udp/5300"), ("tcp/443", 4430, "tcp/4430"), (ping, 8, ping)):
        sent = lab.probe("client", "server", service, sport=sport, family=family)
        assert sent.allowed, (service, str(sent))
        (entry,) = sent.observation.conntrack
        assert (entry.node, entry.original.source, entry.state) == ("gateway", sent.observation.sent.source, "ESTABLISHED")
        assert entries(lab.network.nodes["gateway"]) == 0, service
        port = int(service.partition("/")[2]) if sport > 8 else 8
        unasked = lab.probe("server", "client", back, sport=port, family=family)
        assert unasked.kind is Kind.DROPPED, (service, str(unasked))


@pytest.mark.parametrize("zone", ZONES)
def test_a_flow_in_a_zone(lab_of: LabOf, zone: str) -> None:
    lab = lab_of(corridor(), gateway=ZONES[zone] + FILTER)
    talk(lab)
    (entry,) = lab.probe("client", "server", "udp/53").observation.conntrack
    assert (entry.zone_orig, entry.zone_reply) == OF[zone]


def test_a_flow_of_ipv6_in_a_zone(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=rulesets(v6=table("raw", "-A PREROUTING -p udp -j CT --zone 70") + FILTER))
    talk(lab, family=6)
    (entry,) = lab.probe("client", "server", "udp/53", family=6).observation.conntrack
    assert (entry.zone_orig, entry.zone_reply, entry.zone) == (70, 70, 70)


def test_an_answer_that_is_new_in_another_zone(lab_of: LabOf) -> None:
    one_way = table("raw", "-A PREROUTING -i left -j CT --zone 75") + HIDDEN
    lab = lab_of(corridor(), gateway=one_way + FILTER.replace("--ctstate ESTABLISHED", "--ctstate NEW,ESTABLISHED"))
    lab.probe("client", "server", "udp/53", sport=5300)
    assert entries(lab.network.nodes["gateway"]) == 0


def test_all_flows_of_all_zones_are_forgotten_after_a_sweep(lab_of: LabOf) -> None:
    lab = lab_of(corridor(), gateway=ZONES["request"] + FILTER)
    assert {str(group.verdict.kind) for group in lab.sweep("client", "server", "udp/1-300").groups} == {"closed"}
    assert entries(lab.network.nodes["gateway"]) == 0


@pytest.mark.parametrize("rule", [
    "ct zone set 80", "ct original zone set 80", "ct reply zone set 80", "ct zone set ip saddr map @zones",
    'ct zone set iif map { "left" : 80, "right" : 80 }',
])  # fmt: skip
def test_a_zone_that_a_native_rule_sets(rule: str) -> None:
    script = NATIVE.format(client=CLIENT, server=SERVER, rule=rule)
    with Lab(topology(corridor()), {"gateway": Rulesets(nft=rendered(script, "gateway.nft"))}) as lab:
        talk(lab)
