"""From rows to cells: ends, products, what is left out, ids, and rows that contradict each other."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest

from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.expect.arrives import ARRIVES, ArrivesSpec
from lab.written.expect.by import BY
from lab.written.expect.conntrack import CONNTRACK, ConntrackSpec
from lab.written.expect.exception import EXCEPTION, ExceptionSpec
from lab.written.expect.known import KNOWN, KnownSpec
from lab.written.expect.leaves import LEAVES, LeavesSpec
from lab.written.expect.logged import LOGGED, LoggedSpec
from lab.written.expect.rule import RULE
from lab.written.expect.through import THROUGH
from lab.written.load import load_matrix, load_topology
from lab.written.service import ports_text
from tests.unit.written.written import MATRIX, TOPOLOGY, assert_told, changed, matrix, rows, told, topology


@pytest.fixture(scope="module")
def cells() -> tuple[Cell, ...]:
    return expand(load_matrix(MATRIX), load_topology(TOPOLOGY), families=(4,))


def test_the_rows_of_the_example(cells: tuple[Cell, ...]) -> None:
    assert [cell.id for cell in cells if cell.row != "default"] == [
        "web-edge-gateway::public web[world->web-vip tcp/443]",
        "web-edge-gateway::office surfs[office->192.0.2.7 tcp/443]",
        "web-edge-gateway::office surfs[office->192.0.2.7 udp/443]",
        "web-edge-gateway::nothing else is published[world->web-vip tcp/1-65535]",
        "web-edge-gateway::nothing else is published[partner->web-vip tcp/1-65535]",
        "web-edge-gateway::partner trial[partner->web-vip tcp/8080]",
    ]
    assert [cell.where.line for cell in cells if cell.row != "default"] == [7, 16, 16, 22, 22, 29]
    assert {cell.at for cell in cells} == {"gateway"}
    assert {cell.family for cell in cells} == {4}


def test_a_row_as_a_cell(cells: tuple[Cell, ...]) -> None:
    web = cells[0]
    assert (web.sender.node, web.sender.address) == ("world", "198.51.100.254")
    assert (web.target.node, web.target.address) == ("gateway", "198.51.100.1")
    assert web.expect.action == "allow"
    assert web.expect.get(ARRIVES) == ArrivesSpec(at=("web",), port=8443, source="kept")
    assert web.expect.get(CONNTRACK) == ConntrackSpec(state="ESTABLISHED", assured=True)
    assert (web.expect.get(RULE), web.expect.get(THROUGH)) == ("publish-web", ("dnat-web",))
    assert cells[1].target == replace(web.target, address="192.0.2.7", node="world", label="192.0.2.7")
    allowance = ExceptionSpec(owner="net-sec", ticket="CHG-1042", review=datetime.date(2027, 1, 31))
    assert cells[5].expect.get(EXCEPTION) == allowance


def test_not_cuts_ports_out_of_a_range(cells: tuple[Cell, ...]) -> None:
    left = [ports_text(cell.service.ports) for cell in cells if cell.row == "nothing else is published"]
    assert left == ["1-442,444-65535", "1-442,444-8079,8081-65535"]


@pytest.mark.parametrize(
    ("row", "ends"),
    [
        ("from: office, to: web", ["office->web 10.0.1.10 10.0.2.10"]),
        ("from: office@lan, to: web@dmz", ["office->web 10.0.1.10 10.0.2.10"]),
        ("from: role:client, to: role:backend", ["office->web 10.0.1.10 10.0.2.10"]),
        ("from: 10.0.1.10, to: 10.0.2.10", ["10.0.1.10->10.0.2.10 10.0.1.10 10.0.2.10"]),
        ("from: 10.0.0.0/16, to: 10.0.2.0/24", ["10.0.0.0/16->10.0.2.0/24 10.0.1.10 10.0.2.10"]),
        ("from: office, to: 192.0.2.0/24", ["office->192.0.2.0/24 10.0.1.10 192.0.2.1"]),
        ("from: 10.0.1.2-10.0.1.99, to: 192.0.2.3-192.0.2.9", ["10.0.1.2-10.0.1.99->192.0.2.3-192.0.2.9 10.0.1.10 192.0.2.3"]),
        ("from: office, to: 0.0.0.0/0", ["office->0.0.0.0/0 10.0.1.10 198.51.100.254"]),
        ("from: {at: world, address: 203.0.113.9}, to: web-vip", ["203.0.113.9->web-vip 203.0.113.9 198.51.100.1"]),
        ("from: 203.0.113.9, to: web-vip", ["203.0.113.9->web-vip 203.0.113.9 198.51.100.1"]),
        ("from: net:wan, to: office",
         ["world->office 198.51.100.254 10.0.1.10", "partner->office 198.51.100.20 10.0.1.10"]),
        ("from: office, to: net:wan",
         ["office->world 10.0.1.10 198.51.100.254", "office->partner 10.0.1.10 198.51.100.20",
          "office->gateway@wan 10.0.1.10 198.51.100.1"]),
        ("from: office, to: gateway",
         ["office->gateway@wan 10.0.1.10 198.51.100.1", "office->gateway@lan 10.0.1.10 10.0.1.1",
          "office->gateway@dmz 10.0.1.10 10.0.2.1"]),
        ("from: gateway@lan, to: office", ["gateway@lan->office 10.0.1.1 10.0.1.10"]),
        ("from: [office, web], to: [web, office]",
         ["office->web 10.0.1.10 10.0.2.10", "web->office 10.0.2.10 10.0.1.10"]),
        ("from: [office, role:client], to: web", ["office->web 10.0.1.10 10.0.2.10"]),
        ("from: world, to: office, source: 10.0.1.99", ["world->office 10.0.1.99 10.0.1.10"]),
        ("from: office, to: 10.0.2.99", ["office->10.0.2.99 10.0.1.10 10.0.2.99"]),
    ],
)  # fmt: skip
def test_ends(row: str, ends: list[str], tmp_path: Path) -> None:
    found = rows(f"name: r, {row}, service: tcp/1, expect: drop", tmp_path)
    assert [f"{c.sender.label}->{c.target.label} {c.sender.address} {c.target.address}" for c in found] == ends
    assert [cell.id for cell in found] == [f"m::r[{end.split()[0]} tcp/1]" for end in ends]


def test_an_address_that_nobody_has_is_still_a_target(tmp_path: Path) -> None:
    (cell,) = rows("name: r, from: office, to: 10.0.2.99, service: tcp/1, expect: drop", tmp_path)
    assert cell.target.node is None


def test_an_ack_and_a_source_port(tmp_path: Path) -> None:
    ack, sport = rows(
        """name: a, from: world, to: web, service: tcp/80, flags: ack, expect: drop
           name: s, from: world, to: web, service: udp/80, sport: 53, expect: drop""",
        tmp_path,
    )
    assert (ack.id, ack.flags, ack.sport) == ("m::a[world->web tcp/80 ack]", ("ack",), None)
    assert (sport.id, sport.flags, sport.sport) == ("m::s[world->web udp/80]", (), 53)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("service: domain-by-udp, flags: ack", "`flags: ack` is a TCP segment"),
        ("service: ping, sport: 9", "`sport` has no meaning"),
    ],
)
def test_named_services_must_fit_too(keys: str, words: str, tmp_path: Path) -> None:
    names = "services: {domain-by-udp: udp/53, ping: icmp/echo-request}\nnames:\n"
    stage = load_topology(changed(TOPOLOGY, "names:\n", names, tmp_path))
    head = "matrix: m\nfor: gateway\ntopology: edge\npolicies: {gateway: p}\nflows:\n"
    found = matrix(head + f"  - {{name: r, from: world, to: web, {keys}, expect: drop}}\n", tmp_path)
    assert_told(lambda: expand(found, stage), 6, words)


@pytest.mark.parametrize(
    ("written", "arrives"),
    [
        ("{at: web, port: 8443, from: kept}", ArrivesSpec(at=("web",), port=8443, source="kept")),
        ("{at: web, address: web}", ArrivesSpec(at=("web",), address="10.0.2.10")),
        ("{from: office}", ArrivesSpec(source="10.0.1.10")),
        ("{from: web-vip}, family: 4", ArrivesSpec(source="198.51.100.1")),
        ("{from: gateway@dmz}", ArrivesSpec(source="10.0.2.1")),
        ("{from: 192.0.2.9}, family: 4", ArrivesSpec(source="192.0.2.9")),
    ],
)
def test_what_arrives(written: str, arrives: ArrivesSpec, tmp_path: Path) -> None:
    (cell,) = rows(f"name: r, from: world, to: web, service: tcp/1, expect: allow, arrives: {written}", tmp_path)
    assert cell.expect.get(ARRIVES) == arrives


def test_the_other_expectations(tmp_path: Path) -> None:
    allow, reject = rows(
        """name: a, from: world, to: web, service: tcp/1, expect: allow, leaves: {via: dmz, mark: 0x10}, conntrack: {mark: "7"}
           name: r, from: world, to: web, service: tcp/2, expect: {reject: tcp-reset}, logged: "no ", by: rp_filter, """
        """known: {until: "2027-01-31", ticket: T-1, why: not built yet}""",
        tmp_path,
    )
    assert allow.expect.get(LEAVES) == LeavesSpec(via="dmz", mark=16)
    assert allow.expect.get(CONNTRACK) == ConntrackSpec(mark=7)
    assert (reject.expect.action, reject.expect.reject_with) == ("reject", "tcp-reset")
    assert (reject.expect.get(LOGGED), reject.expect.get(BY)) == (LoggedSpec(prefix="no "), "rp_filter")
    assert reject.expect.get(KNOWN) == KnownSpec(until=datetime.date(2027, 1, 31), ticket="T-1", why="not built yet")


def test_keys_under_v4_go_over_those_of_the_row(tmp_path: Path) -> None:
    row = "name: r, from: world, to: web, service: tcp/1, expect: allow, rule: a, v4: {expect: drop, rule: b}"
    (cell,) = rows(row, tmp_path)
    assert (cell.expect.action, cell.expect.get(RULE)) == ("drop", "b")


def test_an_address_that_two_nodes_stand_for(tmp_path: Path) -> None:
    stage = load_topology(changed(TOPOLOGY, "{wan: 198.51.100.20}, ", "{wan: 198.51.100.20}, anyip: true, ", tmp_path))
    head = "matrix: m\nfor: gateway\ntopology: edge\npolicies: {gateway: p}\nflows:\n"
    row = "  - {{name: r, from: office, to: {}, service: tcp/1, expect: drop}}\n"
    ambiguous = matrix(head + row.format("192.0.2.7"), tmp_path)
    assert_told(lambda: expand(ambiguous, stage), 6, "world or partner", "{at: world, address: 192.0.2.7}")
    plain = matrix(head + row.format("{at: partner, address: 192.0.2.7}"), tmp_path)
    assert expand(plain, stage)[0].target.node == "partner"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("from: role:client, to: office, service: tcp/1, expect: drop", "selects no cell"),
        ("from: office, to: role:client, service: tcp/1, expect: drop", "selects no cell"),
        ("from: office, to: 10.0.1.10/32, service: tcp/1, expect: drop", "selects no cell"),
        ("from: role:client, to: 127.0.0.1, service: tcp/1, expect: drop", "selects no cell"),
        ("from: office, to: web@lo, service: tcp/1, expect: drop", "selects no cell"),
        ("from: office, to: web, service: tcp/1, not: [{service: tcp/1}], expect: drop", "selects no cell"),
        ("from: office, to: web, service: [tcp/1, tcp/1], expect: drop", "twice"),
        ("from: office, to: web, service: [tcp/1, udp/1], not: {service: icmp/echo-request}, expect: drop", "nothing of this"),
    ],
)
def test_a_row_that_asks_nothing_or_the_same_twice(row: str, words: str, tmp_path: Path) -> None:
    assert_told(lambda: rows("name: r, " + row, tmp_path), 6, words)


def test_not_leaves_out_whole_cells(tmp_path: Path) -> None:
    found = rows(
        "name: r, from: [office, web, partner], to: [office, web], service: [tcp/1, icmp/echo-request], "
        "not: [{from: web}, {from: partner, to: web}, {to: web, service: icmp/echo-request}], expect: drop",
        tmp_path,
    )
    assert [cell.id[5:-1] for cell in found] == [
        "office->web tcp/1", "partner->office tcp/1", "partner->office icmp/echo-request",
    ]  # fmt: skip


def test_the_node_under_test_may_be_left_out_of_a_network_once_more(tmp_path: Path) -> None:
    (cell,) = rows("name: r, from: net:lan, to: web, service: tcp/1, not: {from: gateway@lan}, expect: drop", tmp_path)
    assert cell.sender.node == "office"


CONFLICTS = [
    ("service: tcp/443, expect: drop", "service: tcp/400-500, expect: allow", "tcp/443"),
    ("service: tcp/1-10, expect: allow", "service: 'tcp/5-20', expect: deny", "tcp/5-10"),
    ("service: tcp/1, expect: drop", "service: tcp/1, expect: reject", "tcp/1"),
    ("service: tcp/1, expect: {reject: tcp-reset}", "service: tcp/1, expect: {reject: icmpx-admin-prohibited}", "tcp-reset"),
    ("service: tcp/1, family: 6, expect: {reject: icmp6-no-route}",
     "service: tcp/1, expect: {reject: icmpx-admin-prohibited}", "icmp6-no-route"),
    ("service: tcp/1, family: 6, expect: drop", "service: tcp/1, expect: allow", "tcp/1"),
    ("service: tcp/1, expect: drop, v6: {expect: allow}", "service: tcp/1, family: 6, expect: drop", "tcp/1"),
    ("service: icmpv6/echo-request, expect: drop", "service: icmpv6/128.0, expect: allow", "icmpv6"),
    ("service: icmp/echo-request, expect: drop", "service: icmp/8.0, expect: allow", "icmp"),
    ("service: tcp/1, flags: ack, expect: drop", "service: tcp/1, flags: ack, expect: allow", "tcp/1"),
    ("service: tcp/1, sport: 5, expect: drop", "service: tcp/1, sport: 5, expect: allow", "tcp/1"),
]
AGREEMENTS = [
    ("service: tcp/443, expect: drop", "service: 'tcp/1-442,444-500', expect: allow"),
    ("service: tcp/1, expect: drop", "service: udp/1, expect: allow"),
    ("service: tcp/1, expect: drop", "service: tcp/1, expect: deny"),
    ("service: tcp/1, expect: reject", "service: tcp/1, expect: {reject: tcp-reset}"),
    ("service: tcp/1, expect: drop", "service: tcp/1, sport: 5, expect: allow"),
    ("service: tcp/1, flags: ack, expect: drop", "service: tcp/1, expect: allow"),
    ("service: tcp/1, expect: drop, source: 10.0.1.10", "service: tcp/1, expect: allow"),
    ("service: icmp/echo-request, expect: drop", "service: icmp/13.0, expect: allow"),
    ("service: tcp/1, family: 4, expect: drop", "service: tcp/1, family: 6, expect: allow"),
    ("service: icmp/8.0, expect: drop", "service: icmpv6/8.0, expect: allow"),
    ("service: tcp/1, family: 6, expect: {reject: icmp6-adm-prohibited}",
     "service: tcp/1, family: 6, expect: {reject: icmpx-admin-prohibited}"),
]


@pytest.mark.parametrize(("one", "other", "what"), CONFLICTS)
def test_rows_that_contradict_each_other(one: str, other: str, what: str, tmp_path: Path) -> None:
    text = f"name: first, from: world, to: web, {one}\nname: second, from: world, to: web, {other}"
    assert_told(lambda: rows(text, tmp_path), 7, "'first' in line 6", "'second'", what)


@pytest.mark.parametrize(("one", "other"), AGREEMENTS)
def test_rows_that_do_not(one: str, other: str, tmp_path: Path) -> None:
    text = f"name: first, from: world, to: web, {one}\nname: second, from: world, to: web, {other}"
    assert {cell.row for cell in rows(text, tmp_path, families=(4, 6))} == {"first", "second"}


TWO = """
topology: two
networks: {wan: 198.51.100.0/24, lan: 10.0.1.0/24, dmz: 10.0.2.0/24}
nodes:
  world: {role: internet, interfaces: {wan: 198.51.100.254}, via: outer}
  outer: {role: gateway, interfaces: {wan: 198.51.100.1, dmz: 10.0.2.1}, forwards: true}
  inner: {role: gateway, interfaces: {dmz: 10.0.2.2, lan: 10.0.1.1}, forwards: true, via: outer}
  office: {role: client, interfaces: {lan: 10.0.1.10}, via: inner}
"""


def test_of_two_nodes_under_test_a_row_says_which_decides(tmp_path: Path) -> None:
    head = "matrix: m\nfor: gateway\ntopology: two\npolicies: {outer: a, inner: b}\nflows:\n"
    row = "  - {{name: {}, from: world, to: office, service: tcp/1, expect: drop{}}}\n"
    stage = topology(TWO, tmp_path)
    named = matrix(head + row.format("a", ", at: outer") + row.format("b", ", at: inner"), tmp_path)
    assert [cell.at for cell in expand(named, stage)] == ["outer", "inner"]
    open_one = matrix(head + row.format("a", ""), tmp_path)
    assert_told(lambda: expand(open_one, stage), 6, "2 nodes of role 'gateway'", "at: NODE")


def test_a_matrix_elsewhere(tmp_path: Path) -> None:
    found = load_matrix(MATRIX).elsewhere(topology="other")
    assert (found.topology, load_matrix(MATRIX).topology) == ("other", "edge")
    assert found.where("flows", 1).line == 16


def test_problems_without_a_file_name_the_matrix() -> None:
    found = load_matrix(MATRIX)
    made = type(found).model_validate({"matrix": "m", "for": "nobody", "topology": "edge", "flows": []})
    assert any("nobody" in message for _, message in told(lambda: expand(made, load_topology(TOPOLOGY))))
    assert str(made.where("for")) == "matrix m"
