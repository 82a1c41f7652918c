"""What a rule depends on and nobody captured is told; where no rule depends on it, or there is none, nothing is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from lab.record.host import Dumped, Host, Link
from lab.twin.depends import depends

EVERY = {
    "xfrm policies": "3", "bridge ports": "eth1", "conntrack helpers": "ftp", "flowtables": "1", "queues": "0",
    "recent lists": "ssh", "ipvs services": "2", "wireguard peers": "wg0", "vrf": "red", "network namespaces": "4",
    "tc filters": "eth0", "xdp programs": "eth0", "unit order": "docker.service ufw.service",
}  # fmt: skip
ALWAYS = ("xdp programs", "ipvs services")  # packets meet them before any rule


def host(kind: str, *rules: str, seen: Mapping[str, str] | None = None, links: tuple[Link, ...] = ()) -> Host:
    """One with these rules; of ``seen`` None makes it none of a snapshot."""
    text = "\n".join(rules) + "\n"
    listed = tuple(f"{what}: {how}" for what, how in (seen or {}).items())
    return Host("gw", links, rulesets={kind: Dumped(text, "fw")}, not_captured=listed, is_snapshot=seen is not None)


DEPENDING = {
    "xfrm policies": ("-A FORWARD -m policy --dir in --pol ipsec -j ACCEPT", "meta secpath exists accept"),
    "bridge ports": ("-A FORWARD -m physdev --physdev-in eth1 -j DROP", 'meta ibrname "br0" drop'),
    "conntrack helpers": ("-A INPUT -m helper --helper ftp -j ACCEPT", 'ct helper "ftp" accept'),
    "flowtables": ("-A FORWARD -m conntrack --ctstate ESTABLISHED -j FLOWOFFLOAD", "ct state established flow add @fast"),
    "queues": ("-A FORWARD -j NFQUEUE --queue-num 0", "tcp dport 80 queue num 0 bypass"),
    "recent lists": ("-A INPUT -m recent --rcheck --name ssh --rsource -j DROP", None),
    "processes": ("-A OUTPUT -m owner --uid-owner 1000 -j DROP", "meta skuid 1000 drop"),
    "network namespaces": ("-A FORWARD -o docker0 -j DOCKER", 'oifname "br-0123456789ab" accept'),
    "wireguard peers": ("-A FORWARD -i wg0 -j ACCEPT", 'iifname { "lo", "wg0" } accept'),
    "mark": ("-A FORWARD -m mark --mark 0x1 -j ACCEPT", "meta mark 0x00000001 accept"),
}
CASES = [(what, kind, rule) for what, both in DEPENDING.items() for kind, rule in zip(("v4", "nft"), both, strict=True) if rule]


@pytest.mark.parametrize(("what", "kind", "rule"), CASES)
def test_each_is_told_with_its_rule(what: str, kind: str, rule: str) -> None:
    (sentence,) = depends(host(kind, "-A INPUT -j DROP" if kind == "v4" else "drop", rule))
    assert what in sentence
    assert re.search(r"1 rule \w+s .*\(fw:2\)", sentence)
    assert "the first: fw:2" in depends(host(kind, "", rule, rule))[0]


@pytest.mark.parametrize(("what", "kind", "rule"), [case for case in CASES if case[0] in EVERY])
def test_what_a_snapshot_saw_is_told_with_it(what: str, kind: str, rule: str) -> None:
    links = (Link("wg0", kind="wireguard"),)
    (sentence,) = depends(host(kind, rule, seen={what: EVERY[what]}, links=links))
    assert what in sentence
    assert what == "wireguard peers" or f"({EVERY[what]} on the host)" in sentence


@pytest.mark.parametrize(("what", "kind", "rule"), [case for case in CASES if case[0] in set(EVERY) - {"wireguard peers"}])
def test_what_a_snapshot_looked_for_and_did_not_see_is_not(what: str, kind: str, rule: str) -> None:
    assert depends(host(kind, rule, seen={})) == ()


@pytest.mark.parametrize("kind", ["v4", "nft"])
def test_silence_where_no_rule_depends_on_it(kind: str) -> None:
    others = {what: how for what, how in EVERY.items() if what not in ALWAYS}
    of_iptables = (
        '-A INPUT -i eth0 -p tcp --dport 22 -m comment --comment "-m policy -o docker0 -m physdev queue num 0" -j ACCEPT',
        "-A INPUT -m recent --set --name ssh -j ACCEPT", "-A PREROUTING -j MARK --set-xmark 0x1/0xff",
    )  # fmt: skip
    of_nft = ('iifname "eth0" accept comment "meta secpath exists; ct helper x; oifname docker0"', "meta mark set 7")
    rules = of_iptables if kind == "v4" else of_nft
    assert depends(host(kind, *rules, seen=others)) == ()
    assert depends(host(kind, *rules)) == ()


def test_a_mark_that_a_rule_sets_depends_on_nobody_else() -> None:
    sets = "-A PREROUTING -j MARK --set-mark 1"
    asks = "-A FORWARD -m mark --mark 0x1 -j ACCEPT"
    assert depends(host("v4", sets, asks)) == ()
    (sentence,) = depends(host("v4", sets, asks, seen={"tc filters": "eth0"}))
    assert sentence.endswith("tc filters are not captured (eth0 on the host), and may set one")


def test_a_mark_of_routing_rules() -> None:
    routed = Host("gw", rules=((4, "5: from all fwmark 0x1 lookup 7"),), rulesets={"v4": Dumped("-A INPUT -j DROP\n", "fw")})
    assert depends(routed)[0].startswith("1 of the routing rules asks for a mark, and no rule sets one")


def test_interfaces_in_a_vrf() -> None:
    links = (Link("red", kind="vrf"), Link("eth1", master="red"), Link("eth2"))
    (sentence,) = depends(host("v4", "-A FORWARD -i eth1 -j DROP", "-A FORWARD -i eth2 -j DROP", links=links))
    assert sentence.startswith("1 rule names eth1 (fw:1); a VRF is not captured")


def test_what_sees_packets_before_any_rule_is_told_in_any_case() -> None:
    seen = {what: EVERY[what] for what in ALWAYS}
    assert [one.split(" ")[0] for one in depends(host("v4", "-A INPUT -j DROP", seen=seen))] == ["packets", "2"]


def test_units_that_write_rules_in_an_order() -> None:
    rules = ("-A DOCKER -j RETURN", "-A ufw-user-input -j RETURN")
    seen = {"unit order": EVERY["unit order"]}
    (sentence,) = depends(host("v4", *rules, seen=seen))
    assert sentence.startswith("docker and ufw write rules when they start")
    assert depends(host("v4", rules[0], seen=seen)) == ()
