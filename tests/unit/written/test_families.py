"""Rows in both families: which cells they make, what they are called, and what is expected of each."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from textwrap import indent

import pytest

from lab.errors import InputError, Where
from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.expect.arrives import ARRIVES, ArrivesSpec
from lab.written.expect.rule import RULE
from lab.written.expect.through import THROUGH
from lab.written.load import load_matrix, load_topology
from tests.unit.written.written import MATRIX, TOPOLOGY, assert_told, matrix, rows, told, topology

HEAD = "matrix: m\nfor: gateway\ntopology: dual\npolicies: {gateway: p}\nflows:\n"
DUAL = """
topology: dual
networks: {wan: [198.51.100.0/24, "2001:db8:1::/64"], lan: [10.0.1.0/24, "2001:db8:a::/64"], old: 10.0.3.0/24,
           new: "2001:db8:e::/64"}
services: {ping: [icmp/echo-request, icmpv6/echo-request]}
nodes:
  world: {role: internet, interfaces: {wan: [198.51.100.254, "2001:db8:1::fe"]}, anyip: true, via: gateway}
  gateway:
    role: gateway
    interfaces:
      wan: [198.51.100.1, 198.51.100.2, "2001:db8:1::1"]
      lan: [10.0.1.1, "2001:db8:a::1"]
      old: 10.0.3.1
      new: "2001:db8:e::1"
    forwards: true
  office: {role: client, interfaces: {lan: [10.0.1.10, "2001:0DB8:A::10"]}, via: gateway}
  printer: {role: client, interfaces: {old: 10.0.3.20}, via: gateway}
  phone: {role: client, interfaces: {new: "2001:db8:e::30"}, via: gateway}
  server: {role: backend, interfaces: {lan: [10.0.1.40, "2001:db8:a::40", "2001:db8:a::41"]}, via: gateway}
  mover: {role: backend, interfaces: {old: 10.0.3.50, new: "2001:db8:e::50"}, via: gateway}
  bridge: {role: backend, interfaces: {lan: [10.0.1.60, "2001:db8:a::60"], new: "2001:db8:e::60"}, via: gateway}
names:
  vip: [198.51.100.2, "2001:db8:1::1"]
  old-vip: 198.51.100.2
  twice: [10.0.1.40, "2001:db8:a::40", "2001:db8:a::41"]
"""


def dual(text: str, into: Path, families: Collection[int] = (4, 6)) -> tuple[Cell, ...]:
    """The cells of rows on the topology above, and what may follow them in the file."""
    body = "".join(line if line.startswith("default") else f"  - {{{line.strip()}}}\n" for line in text.strip().splitlines())
    return expand(matrix(HEAD + body, into), topology(DUAL, into), families)


def flows(cells: tuple[Cell, ...]) -> list[str]:
    return [f"{cell.sender.label}->{cell.target.label} {cell.service.text} {cell.family}" for cell in cells]


def addresses(cells: tuple[Cell, ...]) -> list[str]:
    return [f"{cell.sender.address} {cell.target.address}" for cell in cells]


def test_a_row_that_is_silent_has_each_family_of_both_ends(tmp_path: Path) -> None:
    cells = dual(
        """name: a, from: [office, printer], to: world, service: [tcp/1, udp/1], expect: drop
           name: b, from: office, to: [phone, printer], service: tcp/2, expect: drop""",
        tmp_path,
    )
    assert flows(cells) == [
        "office->world tcp/1 4", "office->world udp/1 4", "printer->world tcp/1 4", "printer->world udp/1 4",
        "office->world tcp/1 6", "office->world udp/1 6",
        "office->printer tcp/2 4", "office->phone tcp/2 6",
    ]  # fmt: skip
    assert addresses(cells)[4:] == ["2001:db8:a::10 2001:db8:1::fe"] * 2 + [
        "10.0.1.10 10.0.3.20", "2001:db8:a::10 2001:db8:e::30",
    ]  # fmt: skip


def test_the_id_of_an_ipv6_cell_is_the_other_with_a_6_behind_it(tmp_path: Path) -> None:
    four, six = dual("name: r, from: office, to: vip, service: tcp/1, flags: ack, expect: drop", tmp_path)
    assert four.id == "m::r[office->vip tcp/1 ack]"
    assert six.id == "m::r[office->vip tcp/1 ack]/6"


def test_a_matrix_that_no_topology_gave_ipv6_has_no_such_cells() -> None:
    cells = expand(load_matrix(MATRIX), load_topology(TOPOLOGY))
    assert {(cell.row, cell.family) for cell in cells} == {
        ("public web", 4), ("office surfs", 4), ("nothing else is published", 4), ("partner trial", 4),
        ("default", 4), ("default", 6),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("from: office, to: world, family: 4", ["office->world tcp/1 4"]),
        ("from: office, to: world, family: 6", ["office->world tcp/1 6"]),
        ("from: office, to: world, family: both", ["office->world tcp/1 4", "office->world tcp/1 6"]),
        ("from: office, to: '2001:db8:9::9'", ["office->2001:db8:9::9 tcp/1 6"]),
        ("from: office, to: [192.0.2.7, '2001:db8:9::9']", ["office->192.0.2.7 tcp/1 4", "office->2001:db8:9::9 tcp/1 6"]),
        ("from: '2001:db8:a::/64', to: '2001:db8:1::/64'", ["2001:db8:a::/64->2001:db8:1::/64 tcp/1 6"]),
        ("from: {at: world, address: '2001:db8:9::9'}, to: office", ["2001:db8:9::9->office tcp/1 6"]),
        ("from: world, source: '2001:DB8:A::99', to: office", ["world->office tcp/1 6"]),
        ("from: world, source: 10.0.1.99, to: office", ["world->office tcp/1 4"]),
        ("from: role:client, to: old-vip", ["office->old-vip tcp/1 4", "printer->old-vip tcp/1 4"]),
        ("from: role:client, to: world, family: 6", ["office->world tcp/1 6", "phone->world tcp/1 6"]),
        ("from: net:new, to: world", ["phone->world tcp/1 6", "mover->world tcp/1 6", "bridge@new->world tcp/1 6"]),
        ("from: mover@new, to: world", ["mover->world tcp/1 6"]),
        ("from: role:gateway, to: world, family: 4, not: {from: world}", None),
        ("from: office, to: '2001:db8:a::77'", ["office->2001:db8:a::77 tcp/1 6"]),
        ("from: [office, printer], to: world, not: {from: '2001:db8:a::10'}",
         ["office->world tcp/1 4", "printer->world tcp/1 4"]),
        ("from: net:new, to: world, not: [{from: gateway@new}, {from: [mover, bridge]}]", ["phone->world tcp/1 6"]),
        ("from: [office, printer], to: world, not: {from: printer}", ["office->world tcp/1 4", "office->world tcp/1 6"]),
    ],
)  # fmt: skip
def test_families_of_a_row(row: str, expected: list[str] | None, tmp_path: Path) -> None:
    if expected is None:
        assert_told(lambda: dual(f"name: r, {row}, service: tcp/1, expect: drop", tmp_path), 6, "no node that could send")
        return
    assert flows(dual(f"name: r, {row}, service: tcp/1, expect: drop", tmp_path)) == expected


def test_addresses_are_in_canonical_form(tmp_path: Path) -> None:
    (cell,) = dual(
        "name: r, from: world, source: '2001:DB8:00A::0099', to: '2001:0DB8:A:0::10', service: tcp/1, expect: drop", tmp_path
    )
    assert addresses((cell,)) == ["2001:db8:a::99 2001:db8:a::10"]
    assert (cell.target.node, cell.target.label) == ("office", "2001:0DB8:A:0::10")


@pytest.mark.parametrize(
    ("to", "labels"),
    [
        ("office", ["office 4", "office 6"]),
        ("mover", ["mover 4", "mover 6"]),
        ("bridge", ["bridge@lan 4", "bridge@lan 6", "bridge@new 6"]),
        ("server", ["server 4", "server@lan/2001:db8:a::40 6", "server@lan/2001:db8:a::41 6"]),
        ("gateway@lan", ["gateway@lan 4", "gateway@lan 6"]),
        ("gateway@wan", ["gateway@wan/198.51.100.1 4", "gateway@wan/198.51.100.2 4", "gateway@wan 6"]),
        ("net:lan", ["gateway@lan 4", "office 4", "server 4", "bridge@lan 4", "gateway@lan 6", "office 6",
                     "server@lan/2001:db8:a::40 6", "server@lan/2001:db8:a::41 6", "bridge@lan 6"]),
        ("vip", ["vip 4", "vip 6"]),
        ("twice", ["twice 4", "twice/2001:db8:a::40 6", "twice/2001:db8:a::41 6"]),
    ],
)  # fmt: skip
def test_a_label_is_the_same_in_both_families_where_it_can_be(to: str, labels: list[str], tmp_path: Path) -> None:
    cells = dual(f"name: r, from: world, to: {to}, service: tcp/1, expect: drop", tmp_path)
    assert [f"{cell.target.label} {cell.family}" for cell in cells] == labels


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("[icmp/echo-request, icmpv6/echo-request]", ["icmp/echo-request 4", "icmpv6/echo-request 6"]),
        ("[tcp/1, icmpv6/1.4]", ["tcp/1 4", "tcp/1 6", "icmpv6/1.4 6"]),
        ("ping", ["icmp/echo-request 4", "icmpv6/echo-request 6"]),
        ("icmp/echo-request", ["icmp/echo-request 4"]),
        ("icmpv6/echo-request", ["icmpv6/echo-request 6"]),
        ("[icmp/echo-request, icmpv6/echo-request], family: both", ["icmp/echo-request 4", "icmpv6/echo-request 6"]),
    ],
)
def test_icmp_has_cells_in_its_own_family(service: str, expected: list[str], tmp_path: Path) -> None:
    cells = dual(f"name: r, from: office, to: world, service: {service}, expect: drop", tmp_path)
    assert [f"{cell.service.text} {cell.family}" for cell in cells] == expected


def test_a_service_of_the_other_family_is_idle_where_the_topology_has_it_not(tmp_path: Path) -> None:
    row = "name: r, from: printer, to: world, service: [icmp/echo-request, icmpv6/echo-request], expect: drop"
    assert flows(dual(row, tmp_path)) == ["printer->world icmp/echo-request 4"]


WRONG = [
    ("from: printer, to: phone", 6, ["row 'r' selects no cell", "no family in common", "`from` has IPv4, `to` has IPv6"]),
    ("from: office, to: phone, service: icmp/echo-request", 6, ["no family in common", "`service` has IPv4", "icmpv6"]),
    ("from: printer, source: '2001:db8::9', to: world", 6, ["no family in common", "`source` is IPv6"]),
    ("from: [office, printer], to: phone", 6, ["printer has no IPv6 address", "row 'r' can have IPv6 cells only"]),
    ("from: office, to: ['2001:db8:9::9', printer], service: icmpv6/1.0", 6, ["printer has no IPv6 address"]),
    ("from: [office, printer], to: world, family: 6", 6, ["printer has no IPv6 address", "row 'r' says `family: 6`"]),
    ("from: [office, phone], to: world, family: 4", 6, ["phone has no IPv4 address", "`family: 4`"]),
    ("from: office, to: [old-vip], family: both", 6, ["old-vip has no IPv6 address", "`family: both`"]),
    ("from: office, to: 192.0.2.7, family: 6", 6, ["192.0.2.7 has no IPv6 address", "`family: 6`"]),
    ("from: office, to: {at: world, address: 192.0.2.7}, family: 6", 6, ["{at: world, address: 192.0.2.7} has no IPv6"]),
    ("from: office, to: world, family: 6, service: [tcp/1, icmp/8.0]", 6, ["icmp/8.0 is sent over IPv4 only"]),
    ("from: office, to: world, family: both, service: icmp/echo-request", 6, ["sent over IPv4 only", "`family: both`"]),
    ("from: office, to: world, not: {to: '2001:db8:9::9'}", 6, ["nothing of this that could be left out"]),
    ("from: role:gateway, to: world", 6, ["role:gateway selects no node that could send", "name it"]),
]


@pytest.mark.parametrize(("row", "line", "words"), WRONG)
def test_what_has_no_cells_in_a_family(row: str, line: int, words: list[str], tmp_path: Path) -> None:
    service = "" if "service:" in row else "service: tcp/1, "
    assert_told(lambda: dual(f"name: r, {row}, {service}expect: drop", tmp_path), line, *words)


def test_the_word_is_named_at_its_own_place(tmp_path: Path) -> None:
    row = "name: r\nfrom:\n  - office\n  - printer\nto: world\nservice: tcp/1\nfamily: 6\nexpect: drop\n"
    found = matrix(HEAD + indent(row, "    ").replace("    name", "  - name"), tmp_path)
    stage = topology(DUAL, tmp_path)
    with pytest.raises(InputError) as raised:
        expand(found, stage)
    assert [problem.where for problem in raised.value.problems] == [Where(str(tmp_path / "written-matrix.yaml"), 9, 9)]


def test_a_key_of_one_family_is_named_at_its_own_place(tmp_path: Path) -> None:
    row = "name: r\nfrom: office\nto: world\nservice: tcp/1\nexpect: allow\nv6:\n  arrives: {at: world, from: 10.0.1.1}\n"
    found = matrix(HEAD + indent(row, "    ").replace("    name", "  - name"), tmp_path)
    with pytest.raises(InputError) as raised:
        expand(found, topology(DUAL, tmp_path))
    assert [problem.where for problem in raised.value.problems] == [Where(str(tmp_path / "written-matrix.yaml"), 12, 34)]


def test_one_family_alone(tmp_path: Path) -> None:
    text = """name: a, from: office, to: world, service: tcp/1, expect: drop
              name: b, from: office, to: '2001:db8:9::9', service: tcp/1, expect: drop"""
    assert flows(dual(text, tmp_path, families=(4,))) == ["office->world tcp/1 4"]
    assert flows(dual(text, tmp_path, families=[6])) == ["office->world tcp/1 6", "office->2001:db8:9::9 tcp/1 6"]


# --- what is expected -------------------------------------------------------------------------------------------------


def test_keys_under_a_family_go_over_those_of_the_row(tmp_path: Path) -> None:
    four, six = dual(
        "name: r, from: world, to: vip, service: tcp/1, expect: allow, arrives: {at: office, address: 10.0.1.10, port: 8}, "
        "rule: a, through: [dnat], v6: {arrives: {at: gateway}, rule: null, through: []}",
        tmp_path,
    )
    assert (four.expect.get(ARRIVES), four.expect.get(RULE)) == (ArrivesSpec(at=("office",), address="10.0.1.10", port=8), "a")
    assert six.expect.get(ARRIVES) == ArrivesSpec(at=("gateway",))
    assert (six.expect.get(RULE), six.expect.get(THROUGH)) == (None, None)
    four, six = dual(
        "name: r, from: world, to: vip, service: tcp/1, expect: drop, rule: a, v4: {rule: b}, v6: {expect: reject}", tmp_path
    )
    assert (four.expect.action, four.expect.get(RULE)) == ("drop", "b")
    assert (six.expect.action, six.expect.get(RULE)) == ("reject", "a")


def test_node_words_stand_for_the_address_of_the_family(tmp_path: Path) -> None:
    four, six = dual(
        "name: r, from: office, to: world, service: tcp/1, expect: allow, arrives: {address: world, from: gateway@lan}",
        tmp_path,
    )
    assert four.expect.get(ARRIVES) == ArrivesSpec(address="198.51.100.254", source="10.0.1.1")
    assert six.expect.get(ARRIVES) == ArrivesSpec(address="2001:db8:1::fe", source="2001:db8:a::1")


ADVICE = ["`v4:`", "`family: 4`"]
EXPECTED = [
    ("allow, arrives: {from: 198.51.100.1}", ["198.51.100.1 is no IPv6 address", "over IPv6 too", *ADVICE]),
    ("allow, arrives: {address: '2001:db8::1'}", ["2001:db8::1 is no IPv4 address", "IPv4 too", "`v6:`", "`family: 6`"]),
    ("allow, arrives: {from: printer}", ["printer has no IPv6 address", "over IPv6 too", *ADVICE]),
    ("allow, arrives: {from: old-vip}", ["old-vip has no IPv6 address", *ADVICE]),
    ("allow, v6: {arrives: {from: 10.0.1.1}}", ["10.0.1.1 is no IPv6 address", "expected over IPv6\n"]),
    ("allow, family: 6, arrives: {from: 10.0.1.1}", ["10.0.1.1 is no IPv6 address", "expected over IPv6\n"]),
    ("allow, arrives: {from: server}, family: 6", ["'server' has 2 addresses in IPv6", "2001:db8:a::40, 2001:db8:a::41"]),
    ("{reject: icmp-admin-prohibited}", ["IPv4 only", "icmpx-admin-prohibited", "icmp6-adm-prohibited there", *ADVICE]),
    ("{reject: icmp6-policy-fail}", ["IPv6 only", "over IPv4 too", "`v6:`", "`family: 6`"]),
    ("drop, v6: {expect: {reject: icmp-host-unreachable}}", ["IPv4 only", "over IPv6\n", "icmp6-addr-unreachable there"]),
    ("{reject: icmp6-no-route}, family: 4", ["IPv6 only", "over IPv4\n", "icmp-net-unreachable there"]),
]


@pytest.mark.parametrize(("expect", "words"), EXPECTED)
def test_what_is_expected_must_be_of_the_family(expect: str, words: list[str], tmp_path: Path) -> None:
    assert_told(lambda: dual(f"name: r, from: office, to: world, service: tcp/1, expect: {expect}", tmp_path), 6, *words)


@pytest.mark.parametrize(
    ("expect", "kinds"),
    [
        ("{reject: icmpx-admin-prohibited}", ["icmpx-admin-prohibited", "icmpx-admin-prohibited"]),
        ("{reject: tcp-reset}", ["tcp-reset", "tcp-reset"]),
        ("{reject: icmp-port-unreachable}, v6: {expect: {reject: icmp6-port-unreachable}}",
         ["icmp-port-unreachable", "icmp6-port-unreachable"]),
        ("{reject: icmp6-adm-prohibited}, family: 6", ["icmp6-adm-prohibited"]),
        ("{reject: icmp6-adm-prohibited}, v4: {expect: drop}", [None, "icmp6-adm-prohibited"]),
    ],
)  # fmt: skip
def test_kinds_of_a_reject(expect: str, kinds: list[str | None], tmp_path: Path) -> None:
    cells = dual(f"name: r, from: office, to: world, service: tcp/1, expect: {expect}", tmp_path)
    assert [cell.expect.reject_with for cell in cells] == kinds


def test_a_kind_of_one_family_is_right_where_the_row_has_that_family_alone(tmp_path: Path) -> None:
    (cell,) = dual("name: r, from: printer, to: world, service: tcp/1, expect: {reject: icmp-host-prohibited}", tmp_path)
    assert cell.family == 4


def test_a_wrong_end_is_told_and_not_what_may_follow_from_it(tmp_path: Path) -> None:
    row = "name: r, from: ofice, to: world, service: tcp/1, expect: allow, arrives: {from: 198.51.100.1}"
    assert_told(lambda: dual(row, tmp_path), 6, "'ofice'")
    both = told(lambda: dual(row.replace("{from", "{at: wrld, from"), tmp_path))
    assert [message.split("'")[1] for _, message in both] == ["ofice", "wrld"]


def test_a_cell_that_is_there_twice_is_told_once(tmp_path: Path) -> None:
    assert_told(lambda: dual("name: r, from: office, to: world, service: [tcp/1, tcp/1], expect: drop", tmp_path), 6, "twice")


# --- default ----------------------------------------------------------------------------------------------------------

ROW = "name: r, from: office, to: world, service: tcp/5, {}expect: allow\n"
DEFAULT = "default: {{expect: drop, between: {}, services: [tcp/5, icmp/echo-request, icmpv6/echo-request]{}}}\n"



@pytest.mark.parametrize(
    ("keys", "left"),
    [
        ("", []),
        ("family: 4, ", ["office->world tcp/5 6"]),
        ("family: 6, ", ["office->world tcp/5 4"]),
        ("v6: {expect: drop}, ", []),
    ],
)
def test_the_default_is_the_complement_in_each_family(keys: str, left: list[str], tmp_path: Path) -> None:
    cells = dual(ROW.format(keys) + DEFAULT.format("[office, world]", ""), tmp_path)
    found = flows(tuple(cell for cell in cells if cell.row == "default"))
    of_flow = [flow for flow in found if flow.startswith("office->world tcp/5")]
    assert of_flow == left
    assert [flow for flow in found if flow not in of_flow] == [
        "office->world icmp/echo-request 4", "world->office tcp/5 4", "world->office icmp/echo-request 4",
        "office->world icmpv6/echo-request 6", "world->office tcp/5 6", "world->office icmpv6/echo-request 6",
    ]  # fmt: skip


def test_pairs_of_the_default_on_one_network_speak_past_the_node_under_test_in_ipv6_too(tmp_path: Path) -> None:
    found = dual(
        ROW.format("") + "default: {expect: drop, between: [phone, mover, server], services: tcp/7}\n", tmp_path, families=[6]
    )
    assert {flow.partition(" ")[0] for flow in flows(found)} == {
        "phone->server@lan/2001:db8:a::40", "phone->server@lan/2001:db8:a::41",
        "mover->server@lan/2001:db8:a::40", "mover->server@lan/2001:db8:a::41",
        "server@lan/2001:db8:a::40->phone", "server@lan/2001:db8:a::40->mover",
        "server@lan/2001:db8:a::41->phone", "server@lan/2001:db8:a::41->mover", "office->world",
    }  # fmt: skip


def test_the_default_per_family(tmp_path: Path) -> None:
    keys = ", rule: rest, v6: {expect: {reject: icmp6-adm-prohibited}, rule: rest6}"
    cells = dual(ROW.format("") + DEFAULT.format("[office, world]", keys), tmp_path)
    expected = {(cell.family, cell.expect.action, cell.expect.get(RULE)) for cell in cells if cell.row == "default"}
    assert expected == {(4, "drop", "rest"), (6, "reject", "rest6")}
    only = "default: {expect: drop, between: [office, world], services: tcp/7, family: 4}\n"
    assert [cell.family for cell in dual(ROW.format("") + only, tmp_path) if cell.row == "default"] == [4, 4]


@pytest.mark.parametrize(
    ("between", "more", "words"),
    [
        ("[office, printer, world]", ", family: 6", ["printer has no IPv6 address", "the default says `family: 6`"]),
        ("[office, world]", ", v6: {expect: {reject: icmp-host-prohibited}}", ["IPv4 only", "over IPv6\n"]),
        ("['2001:db8:9::9', printer]", ", family: 4", ["2001:db8:9::9 has no IPv4 address", "`family: 4`"]),
        ("[printer, phone]", "", ["nothing is left between these"]),
    ],
)
def test_what_is_wrong_with_a_default(between: str, more: str, words: list[str], tmp_path: Path) -> None:
    services = DEFAULT.replace(", icmp/echo-request, icmpv6/echo-request", "")
    text = ROW.format("") + services.format(between, more)
    assert_told(lambda: dual(text, tmp_path), 7, *words)


def test_the_example_asks_both_families_in_its_default(tmp_path: Path) -> None:
    text = "name: r, from: office, to: web, service: tcp/1, expect: drop"
    rest = "default: {expect: drop, between: [net:lan, net:dmz], services: tcp/7}\n"
    both = rows(text, tmp_path, default=rest, families=(4, 6))
    pairs = [[f"{c.sender.label}->{c.target.label} {c.service.text}" for c in both if c.family == family] for family in (4, 6)]
    assert pairs[0] == pairs[1]
    assert len(pairs[0]) == 7
