"""A sweep where iptables-legacy holds the rules: counted by their hooks, and each packet's way read from the node's log."""

from __future__ import annotations

import pytest

from lab.record.sweep import Arrived, Gear, Sweep
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import FAR, NEAR, SERVER, corridor, rulesets, table, two_gateways
from tests.kernel.sweeps import assert_same, differences
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel
ON_LEGACY = True


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_the_same_as_probes(lab_of: LabOf, proto: str) -> None:
    rules = (f"-A FORWARD -p {proto} --dport 110:129 -j DROP", f"-A FORWARD -p {proto} --dport 130:139 -j one",
             "-A one -j REJECT --reject-with icmp-admin-prohibited")  # fmt: skip
    publish = f"-A PREROUTING -p {proto} --dport 170:180 -j DNAT --to-destination {SERVER}:8443"
    early = f"-A PREROUTING -p {proto} --dport 100:102 -j DROP"
    ruleset = table("raw", early) + table("nat", publish) + table("filter", *rules, one="-")
    lab = lab_of(corridor(server={"services": [f"{proto}/150"]}), gateway=ruleset)
    sweeps = assert_same(lab, "server", f"{proto}/90-190")
    places = {port: str(sweeps[Gear.RULE].of(port).verdict) for port in (102, 110, 130)}
    assert places == {
        102: "dropped by gateway raw:PREROUTING:1",
        110: "dropped by gateway filter:FORWARD:1",
        130: "rejected (icmp-admin-prohibited) by gateway filter:one:1",
    }
    assert [sweeps[Gear.VERDICT].of(port).verdict.kind for port in (149, 150)] == [Kind.CLOSED, Kind.ALLOWED]
    assert assert_same(lab, NEAR, f"{proto}/165-185")[Gear.VERDICT].of(175).arrived == Arrived("server", SERVER, 8443)


def test_the_policy_and_a_muted_reject(lab_of: LabOf) -> None:
    ruleset = table("filter", "-A FORWARD -p udp --dport 110:120 -j REJECT", "-A OUTPUT -p icmp -j DROP", FORWARD="DROP")
    sweeps = assert_same(lab_of(corridor(), gateway=ruleset), "server", "udp/100-130")
    assert sweeps[Gear.VERDICT].of(115).verdict.muted
    assert str(sweeps[Gear.RULE].of(100).verdict) == "dropped by gateway filter:FORWARD policy"


MANY = "1001-2500"  # enough for two processors to send, whose messages then come mixed
THROUGH = ("-A FORWARD -p {proto} --dport 1501:1800 -m comment --comment shut -j DROP",
           "-A FORWARD -p {proto} --dport 1801:2000 -m comment --comment refused -j REJECT",
           "-A FORWARD -m comment --comment through -j ACCEPT")  # fmt: skip
BY_RULE = {1001: "through", 1501: "shut", 1801: "refused", 2001: "through"}
HIDES = {
    "snat": f"-A POSTROUTING -o right -j SNAT --to-source {FAR}",
    "masquerade": "-A POSTROUTING -o right -p {proto} -j MASQUERADE --to-ports 20000-60000",
    "dnat": f"-A PREROUTING -d {NEAR} -j DNAT --to-destination {SERVER}",
}  # fmt: skip


def by_rule(sweep: Sweep) -> dict[int, str | None]:
    """The comment of the rule that decided, by the first port of each range."""
    return {
        low: group.verdict.rule.comment if group.verdict.rule else None for low, _, group in sweep.ranges()
    }


@pytest.mark.parametrize("proto", ["tcp", "udp"])
@pytest.mark.parametrize("hides", HIDES)
def test_many_ports_through_a_translation(lab_of: LabOf, proto: str, hides: str) -> None:
    ruleset = table("nat", HIDES[hides]) + table("filter", *THROUGH)
    lab = lab_of(corridor(), gateway=ruleset.format(proto=proto))
    target = NEAR if hides == "dnat" else "server"
    sweep = lab.sweep("client", target, f"{proto}/{MANY}")
    assert by_rule(sweep) == BY_RULE
    assert differences(lab, sweep, "client", target, proto) == []


def test_many_ports_through_a_translation_of_ipv6(lab_of: LabOf) -> None:
    ruleset = table("nat", "-A POSTROUTING -o right -j MASQUERADE") + table("filter", *THROUGH)
    lab = lab_of(dual_corridor(), gateway=rulesets(v6=ruleset.format(proto="udp")))
    sweep = lab.sweep("client", "server", f"udp/{MANY}", family=6)
    assert by_rule(sweep) == BY_RULE
    assert differences(lab, sweep, "client", "server", "udp", family=6) == []


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_many_ports_that_are_refused_behind_a_translation(lab_of: LabOf, proto: str) -> None:
    hidden = table("nat", "-A POSTROUTING -o middle -j MASQUERADE") + table("filter", "-A FORWARD -j ACCEPT", FORWARD="DROP")
    lab = lab_of(two_gateways(), gateway=hidden, second=table("filter", *THROUGH).format(proto=proto))
    sweep = lab.sweep("client", "server", f"{proto}/{MANY}", at="second")
    assert by_rule(sweep) == BY_RULE
    assert differences(lab, sweep, "client", "server", proto, at="second") == []
