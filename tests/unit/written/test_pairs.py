"""Whom a row pairs: a node with itself where it says so, what all of a network hears, and what a socket bears."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.errors import InputError
from lab.written.asked import Resolver
from lab.written.cell import Cell, ToMany
from lab.written.load import load_topology
from lab.written.sending import Sending, sending
from lab.written.topology import Topology
from tests.unit.written.written import TOPOLOGY, assert_told, rows, topology

ROW = "name: r, from: {}, to: {}, service: tcp/1, expect: drop"
GATEWAY = {"wan": "198.51.100.1", "lan": "10.0.1.1", "dmz": "10.0.2.1"}


def ends(cells: tuple[Cell, ...]) -> list[str]:
    """From where to where each is sent, with the labels."""
    return [f"{one.sender.label} {one.sender.address} > {one.target.label} {one.target.address}" for one in cells]


@pytest.mark.parametrize(
    ("sender", "target", "expected"),
    [
        ("office", "office", ["office 10.0.1.10 > office 10.0.1.10"]),
        ("office", "10.0.1.10", ["office 10.0.1.10 > 10.0.1.10 10.0.1.10"]),
        ("office", "127.0.0.1", ["office 127.0.0.1 > 127.0.0.1 127.0.0.1"]),
        ("office", "127.0.0.53", ["office 127.0.0.1 > 127.0.0.53 127.0.0.53"]),
        ("office", "office@lo", ["office 127.0.0.1 > office@lo 127.0.0.1"]),
        ("office@lan", "127.0.0.1", ["office 10.0.1.10 > 127.0.0.1 127.0.0.1"]),
        ("office@lo", "office", ["office@lo 127.0.0.1 > office 10.0.1.10"]),
        ("gateway", "gateway", [f"gateway {one} > gateway@{of} {one}" for of, one in GATEWAY.items()]),
        ("gateway@wan", "10.0.1.1", ["gateway@wan 198.51.100.1 > 10.0.1.1 10.0.1.1"]),
        ("gateway", "127.0.0.1", ["gateway 127.0.0.1 > 127.0.0.1 127.0.0.1"]),
        ("[office, web]", "127.0.0.1", [f"{one} 127.0.0.1 > 127.0.0.1 127.0.0.1" for one in ("office", "web")]),
        ("[office, web]", "[office, web]", ["office 10.0.1.10 > web 10.0.2.10", "web 10.0.2.10 > office 10.0.1.10"]),
        ("office", "[office, web]", ["office 10.0.1.10 > web 10.0.2.10"]),
        ("office", "[office, 127.0.0.1]", ["office 10.0.1.10 > office 10.0.1.10", "office 127.0.0.1 > 127.0.0.1 127.0.0.1"]),
        ("office", "[10.0.1.0/24, web]", ["office 10.0.1.10 > web 10.0.2.10"]),
        ("office", "[role:client, web]", ["office 10.0.1.10 > web 10.0.2.10"]),
        ("[office, 'net:dmz']", "[127.0.0.1, office]",
         ["web 10.0.2.10 > office 10.0.1.10", "office 127.0.0.1 > 127.0.0.1 127.0.0.1"]),
    ],
)  # fmt: skip
def test_who_is_asked_by_itself(sender: str, target: str, expected: list[str], tmp_path: Path) -> None:
    found = ends(rows(ROW.format(sender, target), tmp_path))
    assert sorted(found) == sorted(expected)


def test_over_ipv6_too(tmp_path: Path) -> None:
    assert ends(rows(ROW.format("office", "office@lo"), tmp_path, families=(6,))) == ["office ::1 > office@lo ::1"]
    assert ends(rows(ROW.format("office", '"0:0::1"'), tmp_path, families=(6,))) == ["office ::1 > 0:0::1 ::1"]


@pytest.mark.parametrize(
    ("sender", "target", "flow"),
    [
        ("gateway", "127.0.0.1", ("gateway", "127.0.0.1", "127.0.0.1", "gateway")),
        ("gateway@lan", "::1", ("gateway", "2001:db8:a::1", "::1", "gateway")),
        ("office", "office", ("office", "10.0.1.10", "10.0.1.10", "office")),
        ("{at: office, address: 127.0.0.1}", "office@lo", ("office", "127.0.0.1", "127.0.0.1", "office")),
    ],
)
def test_a_command_asks_a_node_by_itself(sender: str, target: str, flow: tuple[str, ...]) -> None:
    resolver = Resolver(load_topology(TOPOLOGY), ["gateway"], lambda _node, to, *_: to)
    found = resolver.flow(sender, target, "tcp/1")
    assert (found.node, found.source, found.destination, found.owner) == flow


DHCP = "name: r, from: {}, to: {}, service: udp/67, sport: 68, expect: {}"


@pytest.mark.parametrize(
    ("sender", "target", "expect", "heard"),
    [
        ("office, source: 0.0.0.0", "255.255.255.255", "allow", ToMany("lan", ("gateway",))),
        ("office", "255.255.255.255", "drop", ToMany("lan", ("gateway",))),
        ("office", "10.0.1.255", "drop", ToMany("lan", ("gateway",))),
        ("gateway@dmz", "255.255.255.255", "drop", ToMany("dmz", ("web",))),
        ("office", "255.255.255.255", "allow, arrives: {at: [web, gateway]}", ToMany("lan", ("web", "gateway"))),
        ("office", "10.0.2.255", "drop", None),
        ("office", "web", "drop", None),
    ],
)
def test_what_all_of_a_network_hears(sender: str, target: str, expect: str, heard: ToMany | None, tmp_path: Path) -> None:
    (cell,) = rows(DHCP.format(sender, target, expect), tmp_path)
    assert cell.to_many == heard


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("from: office, source: 0.0.0.0, to: web, service: udp/67", ("asks all of a network", "255.255.255.255")),
        ("from: office, source: 0.0.0.0, to: 10.0.1.255, service: udp/67", ("asks all of a network",)),
        ("from: office, to: 255.255.255.255, service: tcp/67", ("only udp", "tcp/67 is tcp")),
        ("from: office, to: 255.255.255.255, service: icmp/echo-request", ("only udp",)),
    ],
)
def test_what_cannot_be_sent_to_all(row: str, words: tuple[str, ...], tmp_path: Path) -> None:
    assert_told(lambda: rows(f"name: r, {row}, expect: drop", tmp_path), 6, *words)


ALONE = """topology: alone
networks: {lan: 10.0.1.0/24, other: 10.0.2.0/24}
nodes:
  one: {role: client, interfaces: {lan: 10.0.1.10}}
  two: {role: gateway, interfaces: {other: 10.0.2.1}}
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    """A node that shares no network with the one under test."""
    return topology(ALONE, tmp_path_factory.mktemp("alone"))


def test_nobody_hears_it(alone: Topology) -> None:
    with pytest.raises(InputError, match="nobody but one is on network lan"):
        Resolver(alone, ["two"], lambda *_: None).flow("one", "255.255.255.255", "udp/67", source="0.0.0.0")


def test_what_a_socket_bears(tmp_path: Path) -> None:
    (cell,) = rows("name: r, from: gateway@lan, to: office, service: tcp/1, mark: 0x80000, uid: 33, expect: drop", tmp_path)
    assert (cell.mark, cell.uid, cell.plain) == (0x80000, 33, False)
    claimed = rows(
        "name: r, from: office, to: web, service: tcp/1, mark: 1, expect: drop", tmp_path,
        default="default: {expect: drop, between: [office, web], services: tcp/1-9}\n",
    )  # fmt: skip
    assert [ports for cell in claimed if cell.row == "default" for ports in cell.service.ports] == [(1, 9)] * 2
    one = "from: office, to: web, service: tcp/1"
    two = f"name: a, {one}, {{}}, expect: drop\nname: b, {one}, {{}}, expect: allow"
    assert len(rows(two.format("mark: 1", "mark: 2"), tmp_path)) == 2
    assert_told(lambda: rows(two.format("uid: 1", "uid: 1"), tmp_path), 7, "expects drop")


def test_what_a_command_says_of_a_socket() -> None:
    assert sending(sport=53, ack=True, mark="0x10", uid=7) == Sending(53, ("ack",), 16, 7)
    assert sending(flags="ack,fin").flags == sending(flags=["fin", "ack"]).flags == ("fin", "ack")
    wrongs: tuple[dict[str, Any], ...] = ({"sport": 0}, {"flags": "syn"}, {"mark": "x"}, {"uid": -2})
    for wrong in wrongs:
        with pytest.raises(InputError):
            sending(**wrong)
