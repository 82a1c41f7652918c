"""TFTP through a gateway: the data comes from another port, which the helper of conntrack expects; without it, it is NEW."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.lab import Lab
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology
from tests.kernel.in_each_dialect import KINDS, lab_in, mend_of, native
from tests.kernel.scenes import rendered

pytestmark = pytest.mark.kernel

TOPOLOGY = Topology.model_validate({
    "topology": "boot",
    "networks": {"lan": ["10.0.1.0/24", "2001:db8:a::/64"], "dmz": ["10.0.2.0/24", "2001:db8:d::/64"]},
    "nodes": {
        "phone": {"role": "client", "interfaces": {"lan": ["10.0.1.20", "2001:db8:a::20"]}, "via": "gateway"},
        "gateway": {
            "role": "gateway", "interfaces": {"lan": ["10.0.1.1", "2001:db8:a::1"], "dmz": ["10.0.2.1", "2001:db8:d::1"]},
            "forwards": True,
        },
        "boot": {
            "role": "server", "interfaces": {"dmz": ["10.0.2.10", "2001:db8:d::10"]}, "via": "gateway", "services": ["udp/69"],
        },
    },
})  # fmt: skip
HELPER = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp --dport 69 -j CT --helper tftp\nCOMMIT\n"
NAT = """*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i lan -d 10.0.1.1 -p udp --dport 69 -j DNAT --to-destination 10.0.2.10
-A POSTROUTING -o dmz -j MASQUERADE
COMMIT
"""
FILTER = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment related -j ACCEPT
-A FORWARD -p udp --dport 69 -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
COMMIT
"""
NATIVE = """table inet gateway {
    HELPER
    chain translate { type nat hook prerouting priority dstnat
        iif "lan" ip daddr 10.0.1.1 udp dport 69 dnat ip to 10.0.2.10
    }
    chain hide { type nat hook postrouting priority srcnat
        oif "dmz" meta nfproto ipv4 masquerade
    }
    chain mine { type filter hook input priority filter; policy drop
        meta l4proto ipv6-icmp accept
    }
    chain forward { type filter hook forward priority filter; policy drop
        ct state { established, related } accept comment "related"
        udp dport 69 accept
    }
}
"""
NATIVE_HELPER = """ct helper boot { type "tftp" protocol udp; }
    chain helpers { type filter hook prerouting priority filter
        udp dport 69 ct helper set "boot"
    }"""
TARGETS = (("10.0.1.1", 4), ("boot", 4), ("boot", 6))


def policy(kind: str, *, helped: bool) -> Rulesets:
    if kind == "native":
        return native(NATIVE, NATIVE_HELPER if helped else "")
    helper = HELPER if helped else ""
    four = FILTER.replace("-A INPUT -p ipv6-icmp -j ACCEPT\n", "")
    return Rulesets(v4=rendered(helper + NAT + four), v6=rendered(helper + FILTER, "gateway.rules6"))


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(kind: str) -> Iterator[Lab]:
    with lab_in(kind, TOPOLOGY, policy(kind, helped=False)) as lab:
        yield lab


def test_with_a_helper_the_data_is_related(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=True))
    for target, family in TARGETS:
        verdict = gateway.probe("phone", target, "tftp/read", family=family)
        assert verdict.allowed, verdict.proof
        assert verdict.rule is not None
        assert verdict.rule.comment == "related"
        assert verdict.arrived is not None
        assert verdict.arrived.at == "phone"
        own = "10.0.2.10" if family == 4 else "2001:db8:d::10"
        assert verdict.arrived.source == (own if target == "boot" else target)
        assert verdict.arrived.sport != 69
        assert f"it arrived at {'10.0.2.10:69' if family == 4 else '[2001:db8:d::10]:69'}" in verdict.proof


def test_without_one_its_data_is_stopped_and_the_helper_is_missing(gateway: Lab, kind: str) -> None:
    gateway.load("gateway", policy(kind, helped=False))
    for target, family in TARGETS:
        verdict = gateway.probe("phone", target, "tftp/read", family=family)
        assert verdict.kind is Kind.DROPPED
        # through the translation it comes to the gateway itself, which no longer knows whose it is
        assert verdict.stopped_by is not None
        assert verdict.stopped_by.chain in (("INPUT", "mine") if family == 4 else ("FORWARD", "forward"))
        assert "at the application: the read request is fine (it arrived at" in verdict.proof
        told = mend_of(gateway, verdict)
        assert "the helper tftp is missing: no rule of gateway gives it to the read request" in told
        tool = "ip6tables" if family == 6 else "iptables"
        wanted = 'udp dport 69 ct helper set "tftp-standard"' if kind == "native" else f"{tool} -t raw -A PREROUTING -p udp"
        assert wanted in told
    assert gateway.probe("phone", "boot", "udp/69").allowed, "a datagram alone is not told from its data"


def test_a_request_that_is_dropped_is_told_as_such(gateway: Lab) -> None:
    closed = FILTER.replace("--dport 69", "--dport 70").replace("ipv6-icmp", "icmp")
    gateway.load("gateway", Rulesets(v4=rendered(NAT + closed)))
    verdict = gateway.probe("phone", "boot", "tftp/read", family=4)
    assert verdict.kind is Kind.DROPPED
    assert verdict.proof.startswith("at the read request: the trace of this very datagram ends in a drop")
