"""Rules of native nft that remember: found where a flow may come by, in blocks and at every hook too."""

from __future__ import annotations

import pytest

from lab.ruleset.flow import Flow
from lab.ruleset.nft.held import chains_of_listing
from lab.ruleset.nft.listing import read_listing
from lab.ruleset.rule import Ports
from tests.unit.ruleset.made import rules_in_the_way


def met(
    *rules: str, hook: str = "forward", family: int = 4, table: str = "inet", logs: bool = False, proto: str = "any",
    ports: Ports = (),
) -> list[str]:  # fmt: skip
    body = "\n".join(f"\t\t{rule} # handle {number}" for number, rule in enumerate(rules, 3))
    text = (
        f"table {table} t {{ # handle 1\n\tchain c {{ # handle 1\n\t\ttype filter hook {hook} priority filter; policy accept;\n"
        f"{body}\n\t}}\n\n\tchain other {{ # handle 2\n\t\tlimit rate 1/second accept # handle 9\n\t}}\n}}\n"
    )
    flow = Flow(family, proto, ports, ("client", "server"))
    return [rule.text for rule in rules_in_the_way(chains_of_listing(read_listing(text)), flow, logs=logs)]


def test_a_limit_on_the_way() -> None:
    assert met("limit rate 5/second accept", "tcp dport 22 accept") == ["limit rate 5/second accept"]


@pytest.mark.parametrize(("hook", "count"), [("forward", 1), ("prerouting", 1), ("input", 0)])
def test_only_where_the_flow_comes_by(hook: str, count: int) -> None:
    assert len(met("limit rate 5/second accept", hook=hook)) == count


@pytest.mark.parametrize("asked", [
    "meta l4proto 6-17", "meta l4proto >= 6", "meta l4proto < 7", "ip protocol != 17-58", "meta l4proto { 17-20, 6 }",
    "meta l4proto & 0xf7 == 6",
])  # fmt: skip
def test_what_only_the_kernel_works_out_of_a_protocol_leaves_nothing_out(asked: str) -> None:
    assert len(met(f"{asked} limit rate over 1/hour drop", proto="tcp", ports=((443, 443),))) == 1
    assert len(met(f"{asked} jump other", proto="tcp", ports=((443, 443),))) == 1


def test_a_chain_that_is_jumped_to() -> None:
    assert met("tcp dport 22 jump other") == ["limit rate 1/second accept"]
    assert met("tcp dport 22 accept") == []


def test_the_other_family_does_not_meet_it() -> None:
    assert met("limit rate 5/second accept", table="ip6") == []
    assert len(met("limit rate 5/second accept", table="ip6", family=6)) == 1


@pytest.mark.parametrize("rule", ['limit rate 1/minute log prefix "x"', "limit rate 1/minute log"])
def test_a_mere_log_counts_where_it_is_expected(rule: str) -> None:
    assert met(rule) == []
    assert met(rule, logs=True) == [rule]


def test_a_rule_of_a_block() -> None:
    block = "tcp dport 22 jump {\n\t\t\tlimit rate 1/second accept\n\t\t\tdrop\n\t\t}"
    assert met(block) == ["limit rate 1/second accept"]


@pytest.mark.parametrize("rule", [
    "icmp type vmap { echo-request : jump other }", "icmpv6 code vmap { no-route : goto other }",
    "fib daddr type vmap { local : jump other, broadcast : drop }", "ct status vmap { dnat : jump other } accept",
    "ct state vmap { new : jump other }", "tcp dport vmap @elsewhere",
    "tcp dport 22 jump {\n\t\t\ticmp type vmap { echo-request : jump other }\n\t\t}",
])  # fmt: skip
def test_a_chain_that_a_verdict_map_leads_to(rule: str) -> None:
    assert met(rule) == ["limit rate 1/second accept"]


@pytest.mark.parametrize(
    ("rule", "proto", "ports", "expected"),
    [
        ("tcp dport 22 limit rate 1/second accept", "tcp", ((22, 22),), True),
        ("tcp dport 22 limit rate 1/second accept", "tcp", ((443, 443),), False),
        ("tcp dport 22 limit rate 1/second accept", "udp", ((22, 22),), False),
        ("tcp dport 1024-65535 limit rate 1/second accept", "tcp", ((443, 443),), True),  # an answer's port may be one of them
        ("meta l4proto != tcp limit rate 1/second accept", "tcp", ((443, 443),), False),
        ("meta l4proto { tcp, udp } limit rate 1/second accept", "udp", ((53, 53),), True),
        ("icmp type destination-unreachable limit rate 1/second accept", "udp", ((53, 53),), True),
        ("icmp type echo-request limit rate 1/second accept", "udp", ((53, 53),), False),
        ("tcp dport @some limit rate 1/second accept", "tcp", ((443, 443),), True),
        ("ip saddr . tcp dport { 10.0.0.1 . 22 } limit rate 1/second accept", "tcp", ((443, 443),), True),
    ],
)
def test_protocol_and_port_leave_out_what_cannot_match(rule: str, proto: str, ports: Ports, *, expected: bool) -> None:
    assert bool(met(rule, proto=proto, ports=ports)) is expected


@pytest.mark.parametrize(
    ("nat", "expected"),
    [
        ("tcp dport 443 dnat ip to 10.0.0.1:8443", True), ("tcp dport 443 dnat ip to 10.0.0.1:9000", False),
        ("tcp dport 443 redirect to :8000-9000", True), ("tcp dport 443 redirect", False),
        ("dnat ip addr . port to tcp dport map @ways", True), ("tcp dport 22 dnat ip to 10.0.0.1:8443", False),
    ],
)  # fmt: skip
def test_ports_that_a_translation_may_have_put_there(nat: str, *, expected: bool) -> None:
    limit = "tcp dport 8443 limit rate 1/second accept"
    assert (limit in met(nat, limit, proto="tcp", ports=((443, 443),))) is expected
