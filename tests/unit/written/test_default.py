"""The default: the complement of all rows, pair by pair."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.written.cell import Cell
from lab.written.cells import expand
from lab.written.expect.logged import LOGGED, LoggedSpec
from lab.written.load import load_matrix, load_topology
from lab.written.service import ports_text
from tests.unit.written.written import MATRIX, TOPOLOGY, rows

HEAD = "default: {{expect: drop, between: {}, services: [{}], logged: gone}}\n"


def pairs(cells: tuple[Cell, ...]) -> list[str]:
    return [f"{cell.sender.label}->{cell.target.label}" for cell in cells if cell.row == "default"]


def defaults(text: str, between: str, services: str, into: Path) -> list[str]:
    found = rows(text, into, default=HEAD.format(between, services))
    return [
        f"{cell.sender.label}->{cell.target.label} {cell.service.proto} {ports_text(cell.service.ports)}".strip()
        for cell in found
        if cell.row == "default"
    ]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("[office, web]", ["office->web", "web->office"]),
        ("[net:lan, net:dmz]",
         ["office->gateway@lan", "office->gateway@dmz", "office->web", "web->gateway@lan", "web->office", "web->gateway@dmz"]),
        ("[world, partner, office]",  # neighbours on one network speak without the node under test
         ["world->office", "partner->office", "office->world", "office->partner"]),
        ("[gateway@lan, office]", ["gateway@lan->office", "office->gateway@lan"]),
        ("[net:lan]", ["office->gateway@lan"]),
    ],
)  # fmt: skip
def test_pairs(between: str, expected: list[str], tmp_path: Path) -> None:
    row = "name: r, from: web, to: world, service: tcp/1, expect: allow"
    found = rows(row, tmp_path, default=HEAD.format(between, "tcp/7"))
    assert pairs(found) == expected


def test_the_example_covers_every_pair_and_service() -> None:
    cells = expand(load_matrix(MATRIX), load_topology(TOPOLOGY), families=(4,))
    defaulted = [cell for cell in cells if cell.row == "default"]
    assert len({(cell.sender.address, cell.target.address) for cell in defaulted}) == 5 + 5 + 6 + 6
    assert {cell.expect.action for cell in defaulted} == {"drop"}
    assert {cell.where.line for cell in defaulted} == {37}
    # World to web-vip: a row speaks of port 443 and another of all the others, so only UDP and ICMP are left.
    vip = [cell.service.text for cell in defaulted if (cell.sender.node, cell.target.label) == ("world", "gateway@wan")]
    assert vip == ["udp/1-65535", "icmp/echo-request"]


def test_ids_of_the_default_do_not_change_with_the_rows(tmp_path: Path) -> None:
    row = "name: r, from: office, to: web, service: tcp/5, expect: allow"
    found = rows(row, tmp_path, default=HEAD.format("[office, web]", "tcp/1-9"))
    assert [cell.id for cell in found] == [
        "m::r[office->web tcp/5]", "m::default[office->web tcp/1-9]", "m::default[web->office tcp/1-9]",
    ]  # fmt: skip
    assert found[1].expect.get(LOGGED) == LoggedSpec(prefix="gone")


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ("service: tcp/5, expect: allow", ["tcp 1-4,6-9"]),
        ("service: 'tcp/1-3,9', expect: deny", ["tcp 4-8"]),
        ("service: tcp/1-100, expect: drop", []),
        ("service: tcp/1-9, not: {service: tcp/2}, expect: drop", ["tcp 2"]),
        ("service: udp/5, expect: allow", ["tcp 1-9"]),
        ("service: tcp/5, flags: ack, expect: drop", ["tcp 1-9"]),
        ("service: tcp/5, sport: 53, expect: drop", ["tcp 1-9"]),
        ("service: tcp/5, source: 10.0.1.99, expect: drop", ["tcp 1-9"]),
    ],
)
def test_what_rows_speak_of_is_cut_out(row: str, left: list[str], tmp_path: Path) -> None:
    found = defaults(f"name: r, from: office, to: web, {row}", "[office, web]", "tcp/1-9", tmp_path)
    assert found == [f"office->web {ports}" for ports in left] + ["web->office tcp 1-9"]


def test_icmp_is_cut_out_as_a_whole(tmp_path: Path) -> None:
    row = "name: r, from: office, to: web, service: icmp/echo-request, expect: allow"
    assert defaults(row, "[office, web]", "icmp/echo-request, icmp/13.0", tmp_path) == [
        "office->web icmp", "web->office icmp", "web->office icmp",
    ]  # fmt: skip


def test_a_row_for_one_address_leaves_the_others_to_the_default(tmp_path: Path) -> None:
    row = "name: r, from: office, to: gateway@lan, service: tcp/5, expect: allow"
    found = defaults(row, "[office, net:dmz, gateway]", "tcp/5", tmp_path)
    assert found[:2] == ["office->gateway@dmz tcp 5", "office->web tcp 5"]
