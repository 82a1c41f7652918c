"""Native nft: rules named in nft's words, by the line of the script, from ingress to postrouting, in both families."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.errors import InputError
from lab.kernel.ground.tools import run
from lab.lab import Lab
from lab.record.path import End
from lab.record.verdict import Kind
from lab.ruleset.rulesets import Rulesets
from tests.kernel.conftest import LabOf
from tests.kernel.scenes import rendered, topology
from tests.kernel.test_ipv6 import dual_corridor

pytestmark = pytest.mark.kernel

SCRIPT = """\
flush ruleset
define web = { 80, 443 }
table inet filter {
    set blocked { type ipv4_addr; flags interval; elements = { 10.0.1.64-10.0.1.127, 10.0.1.200 } }
    set pairs { type ipv4_addr . inet_service; elements = { 10.0.2.10 . 5432 } }
    map ports { type inet_service : verdict; elements = { 25 : drop, 22 : jump ssh } }
    counter refused { }
    chain ssh {
        ip saddr 10.0.1.0/24 reject with tcp reset
        reject comment "not here"
    }
    chain input {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        iif "lo" accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state vmap { established : accept, related : accept,
                        invalid : drop }
        ip saddr @blocked counter name refused drop comment "blocked"
        tcp dport vmap @ports
        tcp dport $web accept comment "web"
        ip daddr . tcp dport @pairs accept comment "database"
        tcp dport 7777 jump {
            meta nfproto ipv4 drop comment "inner"
            accept comment "not __chain7"
        }
        udp dport 53 log prefix "dns " reject with icmpx admin-prohibited
    }
}
table ip nat {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        ip daddr 10.0.1.1 tcp dport 8080 dnat to 10.0.2.10:80 comment "publish"
    }
    chain postrouting {
        type nat hook postrouting priority srcnat;
        oifname "right" tcp dport 443 masquerade
    }
}
table netdev edge {
    chain early {
        type filter hook ingress device "left" priority -500; policy accept;
        tcp dport 31337 drop comment "early"
    }
}
"""


def native(text: str) -> Rulesets:
    return Rulesets(nft=rendered(text, "gateway.nft"))


def line_of(written: str) -> int:
    (number,) = (number for number, line in enumerate(SCRIPT.split("\n"), 1) if written in line)
    return number


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    written = dual_corridor()
    written["nodes"]["server"]["services"] = ["tcp/80", "tcp/443"]
    with Lab(topology(written), {"gateway": native(SCRIPT)}) as built:
        yield built


@pytest.mark.parametrize(
    ("family", "service", "verdict", "written"),
    [
        (4, "tcp/80", "allowed by gateway inet filter:forward:4 (web)", "tcp dport $web accept"),
        (6, "tcp/443", "allowed by gateway inet filter:forward:4 (web)", "tcp dport $web accept"),
        (4, "tcp/5432", "allowed by gateway inet filter:forward:5 (database)", "ip daddr . tcp dport @pairs"),
        (6, "tcp/5432", "dropped by gateway inet filter:forward policy", None),
        (4, "tcp/25", "dropped by gateway inet filter:forward:3", "tcp dport vmap @ports"),
        (4, "tcp/22", "rejected (tcp-reset) by gateway inet filter:ssh:1", "reject with tcp reset"),
        (6, "tcp/22", "rejected (icmp6-port-unreachable) by gateway inet filter:ssh:2 (not here)", "reject comment"),
        (4, "udp/53", "rejected (icmp-admin-prohibited) by gateway inet filter:forward:7", "udp dport 53"),
        (6, "udp/53", "rejected (icmp6-adm-prohibited) by gateway inet filter:forward:7", "udp dport 53"),
        (4, "tcp/7777", "dropped by gateway inet filter:block 1:1 (inner)", "meta nfproto ipv4 drop"),
        (6, "tcp/7777", "allowed by gateway inet filter:block 1:2 (not __chain7)", "not __chain7"),
        (4, "tcp/31337", "dropped by gateway netdev edge:early:1 (early)", "tcp dport 31337"),
        (6, "tcp/31337", "dropped by gateway netdev edge:early:1 (early)", "tcp dport 31337"),
        (4, "udp/54", "dropped by gateway inet filter:forward policy", None),
    ],
)
def test_the_rule_that_decided(lab: Lab, family: int, service: str, verdict: str, written: str | None) -> None:
    found = lab.probe("client", "server", service, family=family)
    assert str(found) == verdict, found.proof
    assert found.rule is not None
    assert found.rule.source == (None if written is None else f"gateway.nft:{line_of(written)}")


@pytest.mark.parametrize("source", ["10.0.1.64", "10.0.1.127", "10.0.1.200"])
def test_an_interval_of_a_set(lab: Lab, source: str) -> None:
    assert str(lab.probe("client", "server", "tcp/80", source=source)) == "dropped by gateway inet filter:forward:2 (blocked)"


@pytest.mark.parametrize("source", ["10.0.1.63", "10.0.1.128", "10.0.1.199"])
def test_beside_an_interval(lab: Lab, source: str) -> None:
    verdict = lab.probe("client", "server", "tcp/80", source=source)
    assert verdict.rule is not None
    assert verdict.rule.comment == "web"


def test_the_text_of_a_rule_is_nfts(lab: Lab) -> None:
    rule = lab.probe("client", "server", "udp/53").rule
    assert rule is not None
    assert rule.text == 'udp dport 53 log prefix "dns " reject with icmpx admin-prohibited'
    assert (rule.log_prefix, rule.rejects, rule.family) == ("dns ", "icmpx-admin-prohibited", "inet")


def test_translations_are_named_by_their_rules(lab: Lab) -> None:
    inward = lab.probe("client", "10.0.1.1", "tcp/8080")
    assert inward.arrived is not None, inward.proof
    assert (inward.arrived.address, inward.arrived.port) == ("10.0.2.10", 80)
    (path,) = inward.path
    assert [str(rule) for rule in path.translated_by] == ["gateway nat:prerouting:1 (publish)"]
    outward = lab.probe("client", "server", "tcp/443")
    assert outward.arrived is not None
    assert outward.arrived.source == "10.0.2.1"


def test_the_way_of_a_packet_begins_at_ingress(lab: Lab) -> None:
    (path,) = lab.probe("client", "server", "tcp/80").path
    assert [(step.hook, step.table, step.kind) for step in path.steps] == [
        ("ingress", "edge", "raw"), ("prerouting", "nat", "nat"), ("forward", "filter", "filter"),
        ("postrouting", "nat", "nat"),
    ]  # fmt: skip
    assert path.end is End.LEFT


def test_inet_ingress(lab_of: LabOf) -> None:
    script = """table inet early {
        chain c { type filter hook ingress device "left" priority 0; policy accept;
            tcp dport 22 drop
        }
    }
    """
    lab = lab_of(dual_corridor(), gateway=native(script))
    assert str(lab.probe("client", "server", "tcp/22")) == "dropped by gateway inet early:c:1"
    assert lab.probe("client", "server", "tcp/23").allowed


def test_the_lab_leaves_the_listing_as_it_is(lab: Lab) -> None:
    node = lab.network.nodes["gateway"]
    listed = run(node.namespace, ["nft", "-s", "list", "ruleset"]).out
    assert "lab_trace" in listed
    assert "counter packets" not in listed
    without = [table for table in listed.split("table ") if "lab_trace" not in table and "lab_quiet" not in table]
    assert [table.split(" {")[0] for table in without if table] == ["inet filter", "ip nat", "netdev edge"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("table inet f {\n chain c {\n  tcp dport 22 acept\n }\n}\n", ["gateway.nft:3", "tcp dport 22 acept"]),
        ("table inet f {\n chain c {\n  jump nowhere\n }\n}\n", ["gateway.nft:3", "nowhere"]),
        ("table inet f {\n chain c {\n  ip saddr @none drop\n }\n}\n", ["gateway.nft:3", "none"]),
        ("add rule inet f c accept\n", ["gateway.nft:1"]),
    ],
)
def test_a_refusal_names_its_line(lab_of: LabOf, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        lab_of(dual_corridor(), gateway=native(text))
    for word in words:
        assert word in str(raised.value)


def test_beside_iptables(lab_of: LabOf) -> None:
    """Both kinds on one node: each rule is named in the words of the tool that made it."""
    rules = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp --dport 22 -j DROP\nCOMMIT\n"
    script = "table inet more {\n chain c {\n  type filter hook forward priority 10;\n  tcp dport 23 drop\n }\n}\n"
    lab = lab_of(dual_corridor(), gateway=Rulesets(v4=rendered(rules), nft=rendered(script, "gateway.nft")))
    assert str(lab.probe("client", "server", "tcp/22", family=4)) == "dropped by gateway filter:FORWARD:1"
    verdict = lab.probe("client", "server", "tcp/23", family=4)
    assert (verdict.kind, verdict.rule and verdict.rule.source) == (Kind.DROPPED, "gateway.nft:4")
    assert lab.probe("client", "server", "tcp/22", family=6).allowed


def test_an_empty_line_among_elements_is_told_as_what_it_is(lab_of: LabOf) -> None:
    script = "table inet f {\n set s {\n  type ipv4_addr\n  elements = {\n\n   10.0.0.1,\n  }\n }\n}\n"
    with pytest.raises(InputError, match="an empty line may not stand in the midst of a set's elements"):
        lab_of(dual_corridor(), gateway=native(script))


def test_an_interface_that_is_named_by_its_index(lab_of: LabOf) -> None:
    """The link must be there before the script is loaded."""
    rule = 'iif "left" oif "right" tcp dport 22 drop'
    script = f"table inet f {{\n chain c {{\n  type filter hook forward priority 0;\n  {rule}\n }}\n}}\n"
    for _ in range(5):
        lab = lab_of(dual_corridor(), gateway=native(script))
        assert str(lab.probe("client", "server", "tcp/22")) == "dropped by gateway inet f:c:1"


def test_a_ruleset_that_traces_by_itself_names_the_same_rules(lab_of: LabOf) -> None:
    script = """table inet f {
        chain early { type filter hook prerouting priority -300; tcp dport 80 meta nftrace set 1; }
        chain c {
            type filter hook forward priority 0; policy drop;
            ct state established accept comment "answers"
            tcp dport 80 accept comment "web"
        }
    }
    """
    lab = lab_of(dual_corridor(), gateway=native(script))
    for family in (4, 6):
        for _ in range(3):
            verdict = lab.probe("client", "server", "tcp/80", family=family)
            assert verdict.rule is not None
            assert verdict.rule.comment == "web"


def test_a_datagram_that_a_rule_hands_on_has_passed(lab_of: LabOf) -> None:
    """`fwd` takes the packet out of the stack and puts it onto a link: no drop, whatever the trace calls it."""
    written = dual_corridor()
    written["nodes"]["server"]["services"] = ["udp/53"]
    script = """table netdev f {
        chain c { type filter hook ingress device "left" priority 0; udp dport 53 fwd ip to 10.0.2.10 device "right"; }
    }
    """
    verdict = lab_of(written, gateway=native(script)).probe("client", "server", "udp/53", family=4)
    assert verdict.passed_node, verdict.proof
    assert verdict.kind in (Kind.ALLOWED, Kind.UNANSWERED)
