"""What a row asks for: all that its words stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.study.change.asked_for import AskedFor, asked_for
from lab.study.change.boxes import count, words_of
from lab.written.change import Change
from lab.written.intended import intended_cells
from tests.unit.study.change.made import difference, topology


def change(*rows: Mapping[str, Any]) -> Change:
    base = {"from": "office", "to": "tickets", "service": "tcp/443", "expect": "allow"}
    named = [{"name": f"row {number}", **base, **row} for number, row in enumerate(rows)]
    policies = {"old": {"gateway": "a"}, "new": {"gateway": "b"}}
    return Change.model_validate({"change": "CHG-1", "topology": "branch", **policies, "intends": named})


def asked(*rows: Mapping[str, Any]) -> tuple[AskedFor, ...]:
    of = change(*rows)
    return asked_for(of.intends, intended_cells(of, topology()), topology())


def words(*rows: Mapping[str, Any]) -> list[str]:
    return [words_of(box, one.cell.family) for one in asked(*rows) for box in one.boxes]


@pytest.mark.parametrize(
    ("row", "flows"),
    [
        ({}, ["10.20.1.10 > 10.20.2.10 tcp/443"]),
        ({"from": "net:lan"}, ["10.20.1.0/24 > 10.20.2.10 tcp/443"]),
        ({"from": "10.20.1.0/25"}, ["10.20.1.0/25 > 10.20.2.10 tcp/443"]),
        ({"from": "10.20.1.9-10.20.1.12"}, ["10.20.1.9-10.20.1.12 > 10.20.2.10 tcp/443"]),
        ({"from": "role:client"}, ["10.20.1.10/31 > 10.20.2.10 tcp/443"]),
        (
            {"from": ["office", "supplier"], "service": ["tcp/80", "tcp/443"]},
            ["10.20.1.10, 198.51.100.20 > 10.20.2.10 tcp/80, tcp/443"],
        ),
        ({"from": "gateway@lan"}, ["10.20.1.1 > 10.20.2.10 tcp/443"]),
        ({"from": {"at": "world", "address": "192.0.2.9"}}, ["192.0.2.9 > 10.20.2.10 tcp/443"]),
        ({"from": "world", "source": "192.0.2.9"}, ["192.0.2.9 > 10.20.2.10 tcp/443"]),
        ({"from": "supplier", "to": "tickets-address", "service": "tcp/1-1023"}, ["198.51.100.20 > 198.51.100.1 tcp/1-1023"]),
        ({"from": "cloud"}, ["198.51.100.30, 203.0.113.0/24 > 10.20.2.10 tcp/443"]),
        ({"service": "icmp/echo-request"}, ["10.20.1.10 > 10.20.2.10 icmp/8"]),
        ({"from": "net:lan", "not": {"from": "till"}}, ["10.20.1.0-10.20.1.10, 10.20.1.12-10.20.1.255 > 10.20.2.10 tcp/443"]),
        ({"service": "tcp/1-100", "not": {"service": "tcp/22"}}, ["10.20.1.10 > 10.20.2.10 tcp/1-21, tcp/23-100"]),
    ],
)  # fmt: skip
def test_words(row: Mapping[str, Any], flows: list[str]) -> None:
    assert words(row) == flows


def test_an_anyip_node_stands_for_all_that_no_network_has_and_no_other_node_answers_for() -> None:
    (row,) = asked({"from": "world"})
    flows = count(row.boxes)
    inside = 256 * 3  # three networks
    assert flows == 2**32 - inside - 256 + 1  # without those of `cloud`, and with the node's own address


def test_both_families_unless_one_is_said() -> None:
    both, one = asked({"to": "world"}), asked({"to": "world", "family": 6})
    assert [(row.row.name, row.cell.family) for row in both] == [("row 0", 4), ("row 0", 6)]
    assert [row.cell.family for row in one] == [6]
    (v6,) = one
    assert count(v6.boxes) == 2**128 - 2 * 2**64 + 1


def test_how_it_is_sent() -> None:
    plain, flagged, ported, marked = asked({}, {"flags": "ack"}, {"sport": 53}, {"mark": 1})
    flow = difference().flow
    assert plain.speaks_of(flow)
    assert plain.speaks_of(flow._replace(sport=53))
    assert not plain.speaks_of(flow._replace(flags=("ack",)))
    assert flagged.speaks_of(flow._replace(flags=("ack",)))
    assert not flagged.speaks_of(flow)
    assert ported.speaks_of(flow._replace(sport=53))
    assert not ported.speaks_of(flow)
    assert not marked.speaks_of(flow)
