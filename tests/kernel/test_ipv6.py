"""IPv6 beside IPv4: the same verdicts, rules and translations, and neighbours that a policy can break."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import InputError
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel
ON_BOTH_BACKENDS = True

CLIENT, SERVER, NEAR, FAR = "2001:db8:1::10", "2001:db8:2::10", "2001:db8:1::1", "2001:db8:2::1"
ANSWERS = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
OWN_ICMP = "-A INPUT -p icmpv6 -j ACCEPT"


def dual_corridor() -> dict[str, Any]:
    """A client, a gateway and a server in a row, all of them in both families."""
    nodes = {
        "client": {"role": "client", "interfaces": {"left": ["10.0.1.10", CLIENT]}, "via": "gateway"},
        "gateway": {
            "role": "gateway",
            "interfaces": {"left": ["10.0.1.1", NEAR], "right": ["10.0.2.1", FAR]},
            "forwards": True,
        },
        "server": {"role": "backend", "interfaces": {"right": ["10.0.2.10", SERVER]}, "via": "gateway"},
    }
    networks = {"left": ["10.0.1.0/24", "2001:db8:1::/64"], "right": ["10.0.2.0/24", "2001:db8:2::/64"]}
    return {"topology": "dual-corridor", "networks": networks, "nodes": nodes}


def six(*texts: str) -> Rulesets:
    """A policy for IPv6 alone."""
    return rulesets(v6="".join(texts))


@pytest.mark.parametrize("service", ["tcp/443", "udp/53", "icmpv6/echo-request"])
def test_allowed_by_its_rule(lab_of: LabOf, service: str) -> None:
    lab = lab_of(dual_corridor(), gateway=six(table("filter", OWN_ICMP, "-A FORWARD -j ACCEPT", INPUT="DROP", FORWARD="DROP")))
    verdict = lab.probe("client", "server", service, family=6)
    assert verdict.allowed, verdict.proof
    assert str(verdict.rule) == "gateway ip6 filter:FORWARD:1"
    assert verdict.rule is not None
    assert verdict.rule.source == "gateway.rules6:6"
    assert verdict.arrived is not None
    assert (verdict.arrived.address, verdict.arrived.source) == (SERVER, CLIENT)


@pytest.mark.parametrize("service", ["tcp/443", "udp/53", "icmpv6/echo-request"])
def test_dropped_by_the_policy(lab_of: LabOf, service: str) -> None:
    verdict = lab_of(dual_corridor(), gateway=six(table("filter", FORWARD="DROP"))).probe("client", "server", service, family=6)
    assert (verdict.kind, verdict.rule and verdict.rule.place) == (Kind.DROPPED, "filter:FORWARD policy")


@pytest.mark.parametrize(
    ("kind", "service"),
    [
        ("icmp6-adm-prohibited", "tcp/80"), ("icmp6-adm-prohibited", "udp/53"), ("icmp6-port-unreachable", "udp/53"),
        ("icmp6-no-route", "udp/53"), ("icmp6-addr-unreachable", "tcp/80"), ("tcp-reset", "tcp/80"),
        ("icmp6-policy-fail", "udp/53"), ("icmp6-reject-route", "udp/53"),
    ],
)  # fmt: skip
def test_rejected_with_each_kind(lab_of: LabOf, kind: str, service: str) -> None:
    proto = service.partition("/")[0]
    text = table("filter", f"-A FORWARD -p {proto} -j REJECT --reject-with {kind}")
    verdict = lab_of(dual_corridor(), gateway=six(text)).probe("client", "server", service, family=6)
    assert (verdict.kind, verdict.reject, verdict.muted) == (Kind.REJECTED, kind, False), verdict.proof
    assert verdict.observation.refusal is not None
    assert verdict.observation.refusal.sender == (None if kind == "tcp-reset" else NEAR)


def test_a_bare_segment_is_what_a_stateful_policy_drops(lab_of: LabOf) -> None:
    stateless = lab_of(dual_corridor(), gateway=six(table("filter", FORWARD="ACCEPT")))
    assert stateless.probe("client", "server", "tcp/80", ack=True, family=6).allowed
    stateful = lab_of(dual_corridor(), gateway=six(table("filter", ANSWERS, FORWARD="DROP")))
    verdict = stateful.probe("client", "server", "tcp/80", ack=True, family=6)
    assert (verdict.kind, verdict.rule and verdict.rule.place) == (Kind.DROPPED, "filter:FORWARD policy")


def test_the_gateway_itself(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=six(table("filter", OWN_ICMP, "-A INPUT -p tcp --dport 22 -j ACCEPT", INPUT="DROP")))
    assert lab.probe("client", FAR, "tcp/22").allowed
    assert lab.probe("client", FAR, "tcp/23").rule != lab.probe("client", FAR, "tcp/22").rule


@pytest.mark.parametrize(
    ("nat", "target", "arrived"),
    [
        (f"-A PREROUTING -d {NEAR} -p tcp --dport 80 -j DNAT --to-destination [{SERVER}]:8080", NEAR, (SERVER, 8080, CLIENT)),
        ("-A POSTROUTING -o right -j MASQUERADE", SERVER, (SERVER, 80, FAR)),
        ("-A POSTROUTING -o right -j SNAT --to-source 2001:db8:2::77", SERVER, (SERVER, 80, "2001:db8:2::77")),
        ("-A PREROUTING -i left -p tcp -j REDIRECT --to-ports 8080", SERVER, (NEAR, 8080, CLIENT)),
        ("-A PREROUTING -d 2001:db8:f::/64 -j NETMAP --to 2001:db8:2::/64", "2001:db8:f::10", (SERVER, 80, CLIENT)),
    ],
    ids=["dnat", "masquerade", "snat", "redirect", "netmap"],
)
def test_translated(lab_of: LabOf, nat: str, target: str, arrived: tuple[str, int, str]) -> None:
    written = dual_corridor()
    written["nodes"]["server"]["interfaces"]["right"] = ["10.0.2.10", SERVER, "2001:db8:2::77"][:2]
    written["nodes"]["server"]["services"] = ["tcp/80", "tcp/8080"]
    written["nodes"]["gateway"]["services"] = ["tcp/8080"]
    if "2001:db8:2::77" in nat:
        written["nodes"]["gateway"]["interfaces"]["right"] = ["10.0.2.1", FAR, "2001:db8:2::77"]
    lab = lab_of(written, gateway=six(table("filter"), table("nat", nat)))
    verdict = lab.probe("client", target, "tcp/80", family=6)
    assert verdict.arrived is not None, verdict.proof
    assert (verdict.arrived.address, verdict.arrived.port, verdict.arrived.source) == arrived
    path = next(path for path in verdict.path if path.node == "gateway")
    assert [rule.place for rule in path.translated_by] == [f"nat:{nat.split()[1]}:1"]
    entry = next(entry for entry in verdict.observation.conntrack if entry.node == "gateway")
    assert (entry.original.source, entry.original.destination) == (CLIENT, target)


def test_prefix_translation(lab_of: LabOf) -> None:
    """NPT changes the prefix and keeps the checksum (RFC 6296); it knows no connections."""
    out = "-A POSTROUTING -s 2001:db8:1::/64 -o right -j SNPT --src-pfx 2001:db8:1::/64 --dst-pfx 2001:db8:9::/64"
    back = "-A PREROUTING -d 2001:db8:9::/64 -i right -j DNPT --src-pfx 2001:db8:9::/64 --dst-pfx 2001:db8:1::/64"
    written = dual_corridor()
    written["nodes"]["server"]["services"] = ["udp/53"]
    lab = lab_of(written, gateway=six(table("filter"), table("mangle", out, back)))
    verdict = lab.probe("client", "server", "udp/53", family=6)
    assert verdict.allowed, verdict.proof
    assert verdict.arrived is not None
    assert verdict.arrived.source.startswith("2001:db8:9:")


def test_a_policy_that_breaks_neighbour_discovery_is_named(lab_of: LabOf) -> None:
    text = table("filter", "-A FORWARD -j ACCEPT", INPUT="DROP", FORWARD="DROP")
    verdict = lab_of(dual_corridor(), gateway=six(text)).probe("client", "server", "tcp/443", family=6)
    assert verdict.kind is Kind.UNROUTED
    assert "neighbour" in verdict.proof
    assert "filter:INPUT policy" in verdict.proof


@pytest.mark.parametrize("message", ["router-solicitation", "neighbour-solicitation", "neighbour-advertisement"])
def test_messages_of_neighbour_discovery_are_probed(lab_of: LabOf, message: str) -> None:
    allow = "-A INPUT -p icmpv6 -m hl --hl-eq 255 -j ACCEPT"
    lab = lab_of(dual_corridor(), gateway=six(table("filter", allow, INPUT="DROP")))
    verdict = lab.probe("client", NEAR, f"icmpv6/{message}")
    assert verdict.allowed, verdict.proof
    assert verdict.rule is not None
    assert verdict.rule.place == "filter:INPUT:1"


def test_a_router_speaks_from_its_link_local_address(lab_of: LabOf) -> None:
    allow = "-A INPUT -s fe80::/10 -p icmpv6 --icmpv6-type router-advertisement -m hl --hl-eq 255 -j ACCEPT"
    neighbours = "-A INPUT -p icmpv6 --icmpv6-type neighbour-solicitation -j ACCEPT"
    lab = lab_of(dual_corridor(), gateway=six(table("filter", allow, neighbours, INPUT="DROP")))
    heard = lab.probe("client", NEAR, "icmpv6/router-advertisement", source="fe80::5")
    assert (heard.allowed, heard.rule and heard.rule.place) == (True, "filter:INPUT:1"), heard.proof
    assert lab.probe("client", NEAR, "icmpv6/router-advertisement").denied
    with pytest.raises(InputError, match="reaches its own network alone"):
        lab.probe("client", SERVER, "icmpv6/router-advertisement", source="fe80::5")


def test_each_family_has_rules_of_its_own(lab_of: LabOf) -> None:
    policy = rulesets(table("filter", FORWARD="DROP"), v6=table("filter", OWN_ICMP, "-A FORWARD -j ACCEPT"))
    lab = lab_of(dual_corridor(), gateway=policy)
    assert lab.probe("client", "server", "tcp/80", family=4).kind is Kind.DROPPED
    assert lab.probe("client", "server", "tcp/80", family=6).allowed


def test_without_an_ipv6_ruleset_nothing_stands_in_the_way(lab_of: LabOf) -> None:
    lab = lab_of(dual_corridor(), gateway=table("filter", FORWARD="DROP"))
    assert lab.probe("client", "server", "tcp/80", family=4).denied
    verdict = lab.probe("client", "server", "tcp/80", family=6)
    assert verdict.allowed
    assert verdict.rule is None


def test_a_spoofed_source_and_one_that_stands_for_every_address(lab_of: LabOf) -> None:
    written = dual_corridor()
    written["nodes"]["client"]["anyip"] = True
    written["nodes"]["gateway"]["via"] = "client"
    lab = lab_of(written, gateway=six(table("filter", OWN_ICMP, "-A FORWARD -s 2001:db8:bad::/48 -j DROP")))
    assert lab.probe("server", "2001:db8:77::5", "udp/53").allowed
    verdict = lab.probe("client", "server", "tcp/443", source="2001:db8:bad::1")
    assert (verdict.kind, verdict.rule and verdict.rule.place) == (Kind.DROPPED, "filter:FORWARD:1")
