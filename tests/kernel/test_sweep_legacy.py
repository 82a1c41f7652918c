"""A sweep where iptables-legacy holds the rules: counted by their hooks, and each packet's way read from the node's log."""

from __future__ import annotations

import pytest

from lab.record.sweep import Arrived, Gear
from lab.record.verdict import Kind
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import NEAR, SERVER, corridor, table
from tests.kernel.sweeps import assert_same

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
