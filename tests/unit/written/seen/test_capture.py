"""Captures: who began a flow is read from its packets, whatever they are wrapped in."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import CookedLinux, Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import PcapNgWriter, wrpcap

from lab.errors import InputError
from lab.written.seen import capture
from lab.written.seen.headers import headers_of
from lab.written.seen.read import read_seen

CLIENT, SERVER = "10.20.1.10", "203.0.113.7"


def tcp(sport: int, dport: int, flags: str, source: str = CLIENT, destination: str = SERVER) -> Packet:
    return IP(src=source, dst=destination) / TCP(sport=sport, dport=dport, flags=flags)


def flows(folder: Path, *packets: Packet) -> list[tuple[Any, ...]]:
    wrpcap(str(folder / "seen"), list(packets))
    found = read_seen(folder / "seen")
    assert all(flow.answered_by is None for flow in found)
    return [(flow.source, flow.destination, flow.service, flow.replied, flow.count) for flow in found]


BEGUN = (CLIENT, SERVER, "tcp/443", False, 1)
ANSWERED = (CLIENT, SERVER, "tcp/443", True, 1)


@pytest.mark.parametrize(
    ("packets", "flow"),
    [
        ([tcp(50000, 443, "S")], BEGUN),
        ([tcp(50000, 443, "S"), tcp(443, 50000, "SA", SERVER, CLIENT), tcp(50000, 443, "A")], ANSWERED),
        ([tcp(443, 50000, "SA", SERVER, CLIENT)], ANSWERED),
        ([tcp(443, 50000, "PA", SERVER, CLIENT)], ANSWERED),
        ([tcp(50000, 443, "PA")], BEGUN),
        ([tcp(8443, 50000, "PA", SERVER, CLIENT)], (CLIENT, SERVER, "tcp/8443", True, 1)),
        ([tcp(8443, 9443, "PA")], (CLIENT, SERVER, "tcp/9443", False, 1)),
        ([IP(src=CLIENT, dst=SERVER) / UDP(sport=40000, dport=53)], (CLIENT, SERVER, "udp/53", False, 1)),
        ([IP(src=CLIENT, dst=SERVER) / ICMP(type=8, id=5)], (CLIENT, SERVER, "icmp/echo-request", False, 1)),
        ([IP(src=SERVER, dst=CLIENT) / ICMP(type=0, id=5)], (CLIENT, SERVER, "icmp/echo-request", True, 1)),
        ([IP(src=CLIENT, dst=SERVER, proto=47) / Raw(b"x" * 20)], (CLIENT, SERVER, "proto/47", False, 1)),
    ],
)
def test_who_began(tmp_path: Path, packets: list[Packet], flow: tuple[Any, ...]) -> None:
    assert flows(tmp_path, *(Ether() / one for one in packets)) == [flow]


def test_an_answer_between_ports_that_tell_nothing_is_of_the_flow_that_was_seen_first(tmp_path: Path) -> None:
    there = Ether() / IP(src=CLIENT, dst=SERVER) / UDP(sport=50060, dport=50061)
    back = Ether() / IP(src=SERVER, dst=CLIENT) / UDP(sport=50061, dport=50060)
    assert flows(tmp_path, there, back) == [(CLIENT, SERVER, "udp/50061", True, 1)]
    assert flows(tmp_path, back, there) == [(SERVER, CLIENT, "udp/50060", True, 1)]


def test_flows_from_other_ports_are_counted_and_errors_and_later_fragments_are_no_flows(tmp_path: Path) -> None:
    found = flows(
        tmp_path,
        *(Ether() / tcp(port, 443, "S") for port in (50000, 50001, 50000)),
        Ether() / IP(src=SERVER, dst=CLIENT) / ICMP(type=3, code=1) / tcp(1, 2, "S"),
        Ether() / IP(src=CLIENT, dst=SERVER, proto=17, frag=100) / Raw(b"x" * 40),
        Ether(type=0x0806) / Raw(b"x" * 40),
    )
    assert found == [(CLIENT, SERVER, "tcp/443", False, 2)]


@pytest.mark.parametrize(
    "packet",
    [
        tcp(50000, 443, "S"),
        Ether() / Dot1Q(vlan=7) / tcp(50000, 443, "S"),
        Ether() / Dot1Q(vlan=7) / Dot1Q(vlan=8) / tcp(50000, 443, "S"),
        CookedLinux(proto=0x0800) / tcp(50000, 443, "S"),
        Ether(type=0x8864) / Raw(struct.pack("!BBHHH", 0x11, 0, 9, 42, 0x0021)) / tcp(50000, 443, "S"),
    ],
)
def test_whatever_it_is_wrapped_in(tmp_path: Path, packet: Packet) -> None:
    assert flows(tmp_path, packet) == [BEGUN]


def test_ipv6_behind_an_extension_header(tmp_path: Path) -> None:
    echo = Ether() / IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(id=9)
    assert flows(tmp_path, echo) == [("2001:db8::1", "2001:db8::2", "icmpv6/echo-request", False, 1)]


def test_pcapng(tmp_path: Path) -> None:
    with PcapNgWriter(str(tmp_path / "seen")) as writer:
        writer.write(Ether() / tcp(50000, 443, "S"))
    assert [flow.service for flow in read_seen(tmp_path / "seen")] == ["tcp/443"]


def test_a_frame_that_is_cut_off_is_no_flow() -> None:
    whole = bytes(Ether() / tcp(50000, 443, "S"))
    assert headers_of(whole, 1) is not None
    assert [length for length in range(14 + 20 + 4) if headers_of(whole[:length], 1) is not None] == []


def test_limits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrpcap(str(tmp_path / "seen"), [Ether() / tcp(port, 443, "S") for port in range(50000, 50004)])
    monkeypatch.setattr(capture, "_MAX_FLOWS", 3)
    with pytest.raises(InputError, match="more than 3 flows"):
        read_seen(tmp_path / "seen")
    monkeypatch.setattr(capture, "MAX_PACKETS", 2)
    with pytest.raises(InputError, match="more than 2 packets"):
        read_seen(tmp_path / "seen")


def test_a_link_of_another_kind_and_a_header_alone(tmp_path: Path) -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 147)
    (tmp_path / "seen").write_bytes(head + struct.pack("<IIII", 0, 0, 4, 4) + b"abcd")
    with pytest.raises(InputError, match="link type 147 are not read"):
        read_seen(tmp_path / "seen")
    (tmp_path / "seen").write_bytes(head)
    with pytest.raises(InputError, match="there is no flow in it"):
        read_seen(tmp_path / "seen")
    (tmp_path / "seen").write_bytes(head[:7])
    with pytest.raises(InputError, match="this is no capture"):
        read_seen(tmp_path / "seen")
