"""IPv4 and IPv6 in one matrix: which cells a row has, what differs between them, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.spec.cell import Cell
from lab.spec.cells import expand
from tests.unit.spec.written import assert_told, matrix, topology

STAGE = """
topology: stage
networks: {wan: [198.51.100.0/24, "2001:db8:1::/64"], lan: [10.0.1.0/24, "2001:db8:a::/64"], old: 10.0.9.0/24}
nodes:
  world: {role: internet, interfaces: {wan: [198.51.100.254, "2001:db8:1::fe"]}, anyip: true, via: gateway}
  gateway:
    role: gateway
    interfaces: {wan: [198.51.100.1, "2001:db8:1::1"], lan: [10.0.1.1, "2001:db8:a::1"], old: 10.0.9.1}
    forwards: true
  office: {role: client, interfaces: {lan: [10.0.1.10, "2001:db8:a::10"]}, via: gateway}
  fax: {role: legacy, interfaces: {old: 10.0.9.9}, via: gateway}
names: {site: [198.51.100.1, "2001:db8:1::1"], vip: 198.51.100.1, six: "2001:db8:1::1"}
"""
HEAD = "matrix: m\nfor: gateway\ntopology: stage\npolicies: {gateway: p}\nflows:\n"


def cells(row: str, tmp_path: Path, **keys: tuple[int, ...]) -> tuple[Cell, ...]:
    return expand(matrix(f"{HEAD}  - {{name: r, {row}}}\n", tmp_path), topology(STAGE, tmp_path), **keys)


@pytest.mark.parametrize(
    ("row", "families"),
    [
        ("from: office, to: world, service: tcp/443, expect: allow", [4, 6]),
        ("from: office, to: world, service: tcp/443, expect: allow, family: 4", [4]),
        ("from: office, to: world, service: tcp/443, expect: allow, family: 6", [6]),
        ("from: office, to: world, service: tcp/443, expect: allow, family: both", [4, 6]),
        ("from: fax, to: world, service: tcp/443, expect: allow", [4]),
        ("from: [fax, office], to: world, service: tcp/443, expect: allow", [4, 4, 6]),
        ("from: office, to: 192.0.2.7, service: tcp/443, expect: allow", [4]),
        ('from: office, to: "2001:db8:77::7", service: tcp/443, expect: allow', [6]),
        ('from: office, to: "2001:db8:1::/64", service: tcp/443, expect: allow', [6]),
        ("from: world, to: site, service: tcp/443, expect: allow", [4, 6]),
        ("from: world, to: vip, service: tcp/443, expect: allow", [4]),
        ("from: world, to: [vip, six], service: tcp/443, expect: allow", [4, 6]),
        ("from: world, to: {at: office, address: 10.0.1.10}, service: tcp/443, expect: drop", [4]),
        ("from: office, to: world, service: icmp/echo-request, expect: allow", [4]),
        ("from: office, to: world, service: icmpv6/echo-request, expect: allow", [6]),
        ("from: office, to: world, service: [icmp/echo-request, icmpv6/echo-request], expect: allow", [4, 6]),
        ('from: world, to: office, service: tcp/1, expect: drop, source: "2001:DB8:0:0::9"', [6]),
        ("from: world, to: office, service: tcp/1, expect: drop, source: 9.9.9.9", [4]),
    ],
)
def test_the_families_of_a_row(row: str, families: list[int], tmp_path: Path) -> None:
    found = cells(row, tmp_path)
    assert [cell.family for cell in found] == families
    assert all((":" in cell.sender.address) == (":" in cell.target.address) == (cell.family == 6) for cell in found)


def test_ids_and_labels_of_a_flow_in_both_families(tmp_path: Path) -> None:
    four, six = cells("from: office, to: site, service: tcp/443, expect: allow", tmp_path)
    assert (four.id, six.id) == ("m::r[office->site tcp/443]", "m::r[office->site tcp/443]/6")
    assert (six.sender.address, six.target.address, six.target.node) == ("2001:db8:a::10", "2001:db8:1::1", "gateway")


def test_a_source_is_written_as_the_kernel_writes_it(tmp_path: Path) -> None:
    (cell,) = cells('from: world, to: office, service: tcp/1, expect: drop, source: "2001:DB8:0:0::9"', tmp_path)
    assert cell.sender.address == "2001:db8::9"


def test_one_family_of_a_row_that_has_the_other_alone_is_no_mistake(tmp_path: Path) -> None:
    assert cells("from: fax, to: world, service: tcp/443, expect: allow", tmp_path, families=(6,)) == ()


def test_what_differs_by_family(tmp_path: Path) -> None:
    row = "from: world, to: site, service: tcp/443, expect: allow, v4: {arrives: {at: office}}, v6: {expect: drop, rule: x}"
    four, six = cells(row, tmp_path)
    assert (four.expect.action, four.expect.arrives and four.expect.arrives.at, four.expect.rule) == ("allow", "office", None)
    assert (six.expect.action, six.expect.arrives, six.expect.rule) == ("drop", None, "x")


def test_an_arrival_at_a_node_is_at_its_address_of_the_family(tmp_path: Path) -> None:
    found = cells("from: world, to: site, service: tcp/443, expect: allow, arrives: {address: office}", tmp_path)
    assert [cell.expect.arrives and cell.expect.arrives.address for cell in found] == ["10.0.1.10", "2001:db8:a::10"]


def test_an_answer_that_holds_for_both(tmp_path: Path) -> None:
    found = cells("from: world, to: site, service: udp/1, expect: {reject: icmpx-admin-prohibited}", tmp_path)
    assert [cell.expect.reject_with for cell in found] == ["icmpx-admin-prohibited"] * 2


def test_the_default_speaks_of_both(tmp_path: Path) -> None:
    text = HEAD + "  - {name: r, from: office, to: world, service: tcp/443, expect: allow}\n"
    services = "[tcp/443, icmp/echo-request, icmpv6/echo-request]"
    text += f"default: {{expect: drop, between: [net:wan, net:lan], services: {services}}}\n"
    found = [cell for cell in expand(matrix(text, tmp_path), topology(STAGE, tmp_path)) if cell.row == "default"]
    outward = [cell for cell in found if (cell.sender.node, cell.target.node) == ("office", "world")]
    assert [(cell.family, cell.service.text) for cell in outward] == [(4, "icmp/echo-request"), (6, "icmpv6/echo-request")]
    assert {cell.family for cell in found if cell.service.proto == "tcp"} == {4, 6}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("from: fax, to: world, service: tcp/1, expect: drop, family: 6", ["fax has no IPv6 address", "family: 6"]),
        ("from: office, to: 192.0.2.7, service: tcp/1, expect: drop, family: both", ["192.0.2.7 has no IPv6 address", "both"]),
        ('from: office, to: "2001:db8::1", service: tcp/1, expect: drop, family: 4', ["2001:db8::1 has no IPv4 address"]),
        ('from: fax, to: "2001:db8::1", service: tcp/1, expect: drop', ["selects no cell"]),
        ('from: fax, to: world, service: tcp/1, expect: drop, source: "2001:db8::1"', ["fax selects no node that could send"]),
        ("from: office, to: world, service: icmp/8.0, expect: drop, family: 6", ["icmp/8.0 is no service of IPv6", "icmpv6/"]),
        ("from: office, to: world, service: icmpv6/echo, expect: drop", ["'echo' is no ICMP type", "echo-request"]),
        ("from: office, to: world, service: icmp6/echo-request, expect: drop", ["spelt icmpv6"]),
        ("from: office, to: world, service: icmpv6, expect: drop", ["has no type", "icmpv6/echo-request"]),
        ("from: office, to: world, service: tcp/1, expect: allow, arrives: {from: 198.51.100.1}",
         ["'198.51.100.1' has no IPv6 address", "`v4:` and `v6:`"]),
        ("from: office, to: world, service: udp/1, expect: {reject: icmp-port-unreachable}",
         ["icmp-port-unreachable is no answer of IPv6", "icmpx-"]),
        ("from: office, to: world, service: udp/1, expect: {reject: icmp6-no-route}, family: 4", ["is no answer of IPv4"]),
    ],
)  # fmt: skip
def test_what_cannot_be(row: str, words: list[str], tmp_path: Path) -> None:
    assert_told(lambda: cells(row, tmp_path), 6, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('lan: [10.0.1.10, "2001:db8:a::"]', ["anycast address of the routers"]),
        ('lan: [10.0.1.10, "2001:db8:b::1"]', ["lies outside network lan"]),
        ('lan: [10.0.1.10, "2001:db8:a::1"]', ["the address of node gateway already"]),
    ],
)
def test_topologies_that_cannot_be(text: str, words: list[str], tmp_path: Path) -> None:
    wrong = STAGE.replace('lan: [10.0.1.10, "2001:db8:a::10"]', text)
    assert_told(lambda: topology(wrong, tmp_path), 10, *words)


@pytest.mark.parametrize("prefix", ["100::/64", "fe80::/64", "::ffff:0:0/112"])
def test_networks_that_cannot_be(prefix: str, tmp_path: Path) -> None:
    wrong = STAGE.replace("old: 10.0.9.0/24", f'old: [10.0.9.0/24, "{prefix}"]')
    assert_told(lambda: topology(wrong, tmp_path), 3, "cannot be used")
