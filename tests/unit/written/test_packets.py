"""Rows with packets and data: what follows from them, and what is told of those that cannot be."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from lab.errors import InputError
from lab.verdict.steps import done, result_of
from lab.written.cell import Cell, Step
from lab.written.cells import expand
from lab.written.matrix import Matrix
from lab.written.topology import Topology
from tests.kernel.scenes import corridor

BOTH = {"left": ["10.0.1.0/24", "2001:db8:a::/64"], "right": ["10.0.2.0/24", "2001:db8:d::/64"]}
TOLD = {"kind": "time-exceeded", "from": "server", "expect": "drop"}
ROW = {"name": "row", "from": "client", "to": "server", "expect": "drop"}


def cells(**row: Any) -> tuple[Cell, ...]:
    scene = corridor(
        client={"interfaces": {"left": ["10.0.1.10", "2001:db8:a::10"]}},
        gateway={"interfaces": {"left": ["10.0.1.1", "2001:db8:a::1"], "right": ["10.0.2.1", "2001:db8:d::1"]}},
        server={"interfaces": {"right": ["10.0.2.10", "2001:db8:d::10"]}},
    )  # fmt: skip
    topology = Topology.model_validate({**scene, "networks": BOTH})
    written = {**ROW, **row}
    if "steps" in row:
        del written["expect"]
    matrix = Matrix.model_validate(
        {"matrix": "m", "for": "gateway", "topology": "corridor", "policies": {"gateway": "p"}, "flows": [written]}
    )
    return expand(matrix, topology)


@pytest.mark.parametrize(
    ("row", "ids"),
    [
        ({"packet": 'TCP(flags="FPU", dport=22)'}, ["tcp/22 fin,psh,urg]", "tcp/22 fin,psh,urg]/6"]),
        ({"packet": "IP(ttl=1)/UDP(dport=53)"}, ["udp/53 ttl 1]"]),
        ({"packet": "GRE()/IP()/UDP()"}, ["gre IP UDP]", "gre IP UDP]/6"]),
        ({"packet": "ESP()", "family": 6}, ["esp]/6"]),
        ({"packet": "TCP()", "service": ["tcp/22", "tcp/80"], "family": 4}, ["tcp/22 syn]", "tcp/80 syn]"]),
        ({"packet": "ICMP(type=3, code=4)"}, ["icmp/fragmentation-needed]"]),
        ({"packet": 'IP(src="10.9.9.9")/UDP(dport=1)'}, ["udp/1]"]),
        ({"packet": "IP(proto=99)/'x'"}, ["proto/99 proto 99]"]),
    ],
)
def test_a_packet_says_its_service_and_its_families(row: dict[str, Any], ids: list[str]) -> None:
    found = cells(**row)
    assert [cell.id for cell in found] == [f"m::row[client->server {tail}" for tail in ids]
    assert not any(cell.plain for cell in found)


def test_ports_and_sources_of_a_packet_are_the_cells() -> None:
    (cell,) = cells(packet='IP(src="10.9.9.9")/TCP(sport=7, dport=9)')
    assert (cell.sport, cell.service.ports, cell.sender.address, cell.sender.said) == (7, ((9, 9),), "10.9.9.9", True)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"packet": "TCP()"}, "TCP() says no port"),
        ({"packet": "TCP(dport=1)", "service": "tcp/2"}, "says the port, and the service is tcp/2"),
        ({"packet": "TCP()", "service": "udp/2"}, "is one of TCP, but the service is udp/2"),
        ({"packet": "GRE()/IP()/UDP()", "service": "tcp/2"}, "it says by itself what it is"),
        ({"packet": "IP(ttl=1)/TCP(dport=1)", "family": 6}, "but row 'row' says `family: 6`"),
    ],
)
def test_what_a_row_cannot_say_beside_it(row: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError) as caught:
        cells(**row)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({}, "`service` is missing"),
        ({"packet": "TCP(dport=1)", "flags": "ack"}, "`flags` is a bare segment, and `packet` another"),
        ({"packet": 'IP(src="10.0.0.1")/UDP(dport=1)', "source": "10.0.0.2"}, "and `source` too"),
        ({"packet": "TCP(sport=1, dport=1)", "sport": 2}, "`packet` says its own"),
        ({"packet": "GRE()/IP()/UDP()", "sport": 2}, "`packet` has no ports"),
        ({"packet": "UDP(dport=1)/'x'", "payload": "y"}, "`packet` says what it carries"),
        ({"packet": "TPC(dport=1)"}, "did you mean 'TCP'?"),
        ({"service": "tcp/1", "flags": "ack", "payload": "y"}, "a bare segment has no data"),
        ({"service": "icmp/timestamp-request", "payload": "y"}, "has no meaning for icmp/timestamp-request"),
        ({"service": "tcp/1", "payload": "0x123"}, "is not made of pairs of hexadecimal digits"),
        ({"service": "tcp/1", "payload": {"bytes": 99_999}}, "is not between 1 and 32,000 bytes"),
        ({"service": "tcp/1", "payload": {"size": 1}}, "is written {bytes: 1400}"),
        ({"service": "tcp/1", "payload": ""}, "there is no data here"),
        ({"service": "tcp/1", "payload": 7}, "quote it"),
        ({"service": "tcp/1", "payload": "y", "steps": [{"open": "allow"}]}, "`payload` belongs to the step that sends it"),
        ({"packet": "TCP(dport=1)", "steps": [{"open": "allow"}]}, "`packet` is one packet, and `steps` are several"),
        ({"service": "tcp/1", "steps": [{"open": {"expect": "allow", "payload": "y"}}]}, "`open` has no payload"),
        ({"service": "tcp/1", "steps": [{"packet": {"layers": "TPC()", "expect": "drop"}}]}, "did you mean 'TCP'?"),
        ({"service": "tcp/1", "steps": [{"packet": {"layers": "TCP()", "expect": "drop", "end": "sever"}}]}, "'server'?"),
        ({"service": "tcp/1", "steps": [{"packet": {"layers": 'IP(src="10.0.0.1")/TCP()', "expect": "drop"}}]}, "is an end of"),
        ({"service": "tcp/1", "steps": [{"icmp-error": {"kind": "frag", "from": "server", "expect": "allow"}}]}, "frag-needed"),
        ({"service": "tcp/1", "steps": [{"icmp-error": {**TOLD, "mtu": 9}}]}, "is no MTU"),
        ({"service": "tcp/1", "steps": [{"icmp-error": {**TOLD, "mtu": 900}}]}, "`mtu` belongs to frag-needed"),
    ],
)
def test_what_is_told_before_the_topology_is_known(row: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        cells(**row)
    assert what in str(caught.value)


def test_the_node_of_an_error_must_be_there() -> None:
    steps = [{"open": "allow"}, {"icmp-error": {"kind": "frag-needed", "from": "sever", "expect": "allow"}}]
    with pytest.raises(InputError, match="there is no node 'sever'"):
        cells(service="tcp/1", steps=steps)


@pytest.mark.parametrize("packet", ["GRE()/IP()/UDP()", "IP(proto=99)/'x'"])
def test_a_packet_of_any_protocol_may_be_lost(packet: str) -> None:
    cell = cells(packet=packet)[0]
    failed = Step(1, "forget", cell.where, "forget gateway")
    result = result_of(replace(cell, steps=(failed,)), [done(failed, 0.0, "it has no entry")], datetime.date(2026, 1, 31))
    assert (str(result.outcome), result.verdict.observation.sent.proto) == ("error", 99 if "99" in packet else 47)
