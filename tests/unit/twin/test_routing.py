"""Routes and rules as the host has them, and which way is whose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.twin.build import twin_of
from lab.written.tables import table_number
from tests.unit.twin.made import anyip, edge, host, link

LINES = (link("lan", "10.0.0.1/24"), link("dsl", "192.0.2.2/30"), link("fibre", "198.51.100.2/30"), link("tun0", "10.8.0.2/24"))
DSL, FIBRE, TUN = "via 192.0.2.1 dev dsl", "via 198.51.100.1 dev fibre", "via 10.8.0.1 dev tun0"


@pytest.mark.parametrize(
    ("routes", "rules", "first", "same"),
    [
        ([f"default {DSL}"], [], "dsl", []),
        ([f"default {DSL} metric 20", f"default {FIBRE} metric 10"], [], "fibre", ["dsl"]),
        ([f"default {DSL}", f"default {FIBRE} table 7"], ["100: from all fwmark 1 lookup 7"], "dsl", ["fibre"]),
        ([f"default {DSL}", f"default {FIBRE} table 7"], ["100: from all lookup 7"], "fibre", ["dsl"]),
        ([f"default {DSL}", f"default {FIBRE} table 7"], ["100: from 10.0.0.0/24 lookup 7"], "dsl", ["fibre"]),
        ([f"default {DSL}", f"default {FIBRE} table 7"], ["32765: not from all fwmark 0xca6c lookup 7"], "fibre", ["dsl"]),
        (
            [f"default {DSL}", f"default {FIBRE} table 7"],
            ["32764: from all lookup main suppress_prefixlength 0", "32765: from all lookup 7"], "fibre", ["dsl"],
        ),
        ([f"default {DSL}", f"0.0.0.0/1 {TUN}", f"128.0.0.0/1 {TUN}"], [], "tun0", ["dsl"]),
        ([f"default {DSL}", f"default {FIBRE} table 7"], [], "dsl", []),  # nobody looks table 7 up
        ([f"default nexthop {DSL} weight 1 nexthop {FIBRE} weight 1"], [], "dsl", ["fibre"]),
    ],
)  # fmt: skip
def test_whose_everything_else_is(routes: list[str], rules: list[str], first: str, same: list[str]) -> None:
    twin = twin_of([host(*LINES, routes=routes, rules=rules)])
    assert twin.topology.owner("9.9.9.9") == f"behind-{first}"
    assert [name for name, node in twin.topology.nodes.items() if node.same_as] == [f"behind-{one}" for one in same]
    assert twin.topology.also(f"behind-{first}", "9.9.9.9") == tuple(f"behind-{one}" for one in same)
    assert all("0.0.0.0/0" in anyip(twin.topology.nodes[f"behind-{one}"]) for one in (first, *same))


def test_a_prefix_that_several_lead_to_is_the_bests() -> None:
    routes = [f"default {DSL}", f"default {FIBRE} metric 9", f"9.9.9.9 {FIBRE}", f"9.9.9.9 {DSL} metric 5", f"8.8.8.0/24 {TUN}"]
    twin = twin_of([host(*LINES, routes=routes)])
    assert [twin.topology.owners(one) for one in ("9.9.9.9", "9.9.9.8", "8.8.8.8")] == [
        ("behind-fibre",), ("behind-dsl",), ("behind-tun0",),
    ]  # fmt: skip


def test_tables_that_the_host_gives_a_number_have_that_others_keep_their_names() -> None:
    """A name that a topology could not take, as no route is in the table, becomes a number too."""
    rules = ["100: from all fwmark 0x2 lookup KABEL", "101: from all fwmark 0x3 lookup other", "102: from all lookup none"]
    found = host(*LINES, routes=[f"default {DSL} table KABEL", f"default {FIBRE} table other"], rules=rules)
    twin = twin_of([replace(found, tables={7: "KABEL", 255: "local"})])
    node = twin.topology.nodes["edge"]
    assert [rule.table for rule in node.rules] == [7, table_number("other"), 10002]
    assert [route.table for route in node.routes] == [7, table_number("other")]
    assert twin.topology.table_names[table_number("other")] == "other"


def test_the_three_rules_of_every_node_are_left_aside_unless_one_is_missing() -> None:
    usual = ["0: from all lookup local", "32766: from all lookup main", "32767: from all lookup default"]
    assert edge(rules=usual).topology.nodes["edge"].rules == ()
    moved = ["10: from all lookup local", *usual[1:]]
    assert [rule.priority for rule in edge(rules=moved).topology.nodes["edge"].rules] == [10, 32766, 32767]


def test_a_rule_of_an_interface_that_is_not_there_selects_nothing() -> None:
    ways = ("iif eth9", "oif gone [detached]", "iif lo")
    twin = edge(rules=[f"{number}: from all {way} lookup main" for number, way in enumerate(ways, start=100)])
    assert [rule.detached for rule in twin.topology.nodes["edge"].rules] == [("eth9",), ("gone",), ()]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("10.7.0.0/16 encap mpls 100 via 10.0.0.7 dev eth1", "'encap' is not known here"),
        ("10.7.0.0/16 via 10.0.0.7 dev eth1 dead", "the kernel used this route no more"),
        ("nonsense", "leads nowhere"),
    ],
)
def test_a_route_that_cannot_be_read_is_left_out_and_told_of(line: str, why: str) -> None:
    twin = edge(routes=[line])
    assert len(twin.topology.nodes["edge"].routes) == 1
    assert twin.notes[0].startswith(f"edge: route {line!r} is not in the lab: ")
    assert why in twin.notes[0] or line == "nonsense"


def test_what_the_kernel_makes_of_addresses_is_not_made_twice() -> None:
    printed = [
        "10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.1",
        "local 10.0.0.1 dev eth1 table local proto kernel scope host src 10.0.0.1",
        "broadcast 10.0.0.255 dev eth1 table local proto kernel scope link src 10.0.0.1",
        "local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1",
        "198.51.100.0/29 dev eth0 proto kernel scope link src 198.51.100.2 metric 100",
    ]
    routes = edge(routes=printed).topology.nodes["edge"].routes
    assert [route.text for route in routes] == ["default via 198.51.100.1 dev eth0", printed[-1]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("10.7.0.0/16 via 172.16.0.1", "the gateway 172.16.0.1 is on none of its networks"),
        ("10.7.0.0/16 via 127.0.0.1 dev eth1", "its gateway is loopback"),
        ("10.7.0.0/16 via 10.0.0.1 dev eth1", "its gateway is the host itself"),
        ("10.7.0.0/16 via 10.0.0.255 dev eth1", "its gateway is no host"),
        ("10.7.0.0/16 via 10.0.0.9 dev eth0", "its gateway is on eth1"),
        ("2001:db8::/64 dev eth0 metric 1", "it has no IPv6 address that a lab can have"),
    ],
)
def test_a_route_that_no_node_can_have_is_left_out_and_told_of(line: str, why: str) -> None:
    twin = edge(routes=[line])
    assert [route.text for route in twin.topology.nodes["edge"].routes] == ["default via 198.51.100.1 dev eth0"]
    (note,) = twin.notes
    assert why in note


def test_a_rule_that_stands_twice_stands_once() -> None:
    twin = edge(rules=["100: from all fwmark 0x1 lookup main", "100: from all fwmark 1 lookup 254", "100: goto 4000"])
    assert [rule.text for rule in twin.topology.nodes["edge"].rules] == ["-4 100: from all fwmark 1 lookup 254"]
    assert any("4000" in note for note in twin.notes)
