"""A train's packets: right to the last checksum for every port and source, and each tells its key."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet

from lab.sweep.train import DISTINCT, Aim, SweepQuestion, Train, answered_key, is_reset, key_of

SOURCES = {4: "10.0.1.10", 6: "2001:db8:1::10"}
DESTINATIONS = {4: "10.0.2.10", 6: "2001:db8:2::10"}
HEADERS = {4: 20, 6: 40}
LAYERS = {6: TCP, 17: UDP}
MARK, LINK = 0xBEEF, bytes(range(14))
KINDS = [(family, proto) for family in (4, 6) for proto in (6, 17)]


def question(family: int, proto: int, *sources: str, ports: tuple[tuple[int, int], ...] = ((1, 65535),)) -> SweepQuestion:
    return SweepQuestion("client", SOURCES[family], DESTINATIONS[family], proto, 4000, ports, sources)


def loaded(asked: SweepQuestion, keys: list[int], link: bytes = b"") -> Iterator[bytes]:
    """The packets of ``keys`` as one load after another leaves them, from the network header on."""
    train = Train(asked, MARK, link, 1000)
    for start in range(0, len(keys), 1000):
        part = keys[start : start + 1000]
        train.load(part)
        for number in range(len(part)):
            packet = bytes(train.buffer[number * train.size : (number + 1) * train.size])
            assert packet.startswith(link)
            yield packet[len(link) :]


def ones_sum(data: bytes) -> int:
    """The sum of its words in ones' complement, folded: 0xFFFF when a checksum in it is right (RFC 1071)."""
    return sum(struct.unpack(f"!{len(data) // 2}H", data)) % 0xFFFF or 0xFFFF


def pseudo_header(packet: bytes, family: int, proto: int) -> bytes:
    addresses = packet[12:20] if family == 4 else packet[8:40]
    return addresses + struct.pack("!HH", proto, len(packet) - HEADERS[family])


@pytest.mark.parametrize(("family", "proto"), KINDS)
def test_the_checksum_is_right_for_every_port(family: int, proto: int) -> None:
    ports = list(range(1, 65536))
    for port, packet in zip(ports, loaded(question(family, proto), ports), strict=True):
        transport = packet[HEADERS[family] :]
        assert ones_sum(pseudo_header(packet, family, proto) + transport) == 0xFFFF, port
        assert transport[2:4] == port.to_bytes(2, "big")
        assert key_of(transport, proto, MARK) == port


@pytest.mark.parametrize(("family", "proto"), KINDS)
def test_scapy_writes_the_same(family: int, proto: int) -> None:
    for port, packet in zip([1, 255, 256, 65535], loaded(question(family, proto), [1, 255, 256, 65535], LINK), strict=True):
        read: Packet = (IP if family == 4 else IPv6)(packet)
        layer = read[LAYERS[proto]]
        assert (read.src, read.dst, layer.sport, layer.dport) == (SOURCES[family], DESTINATIONS[family], 4000, port)
        if proto == 17:
            assert layer.chksum != 0, "a datagram over IPv6 must have one (RFC 8200, 8.1)"
        else:
            assert layer.flags == "S"
        if family == 4:
            del read.chksum
        del layer.chksum
        assert bytes(read) == packet


def test_a_syn_offers_what_linux_does() -> None:
    for family, largest in ((4, 1460), (6, 1440)):
        (packet,) = loaded(question(family, 6), [443])
        options = dict((IP if family == 4 else IPv6)(packet)[TCP].options)
        assert options["MSS"] == largest, "a rule on tcpmss takes a SYN without it for bogus"
        assert set(options) == {"MSS", "SAckOK", "Timestamp", "NOP", "WScale"}


@pytest.mark.parametrize(("family", "proto"), KINDS)
def test_every_source_has_its_own_checksum_and_key(family: int, proto: int) -> None:
    sources = [f"192.0.{number >> 8}.{number & 255}" if family == 4 else f"2001:db8::{number:x}" for number in range(1, 3000)]
    asked = question(family, proto, *sources, ports=((443, 443),))
    for key, packet in enumerate(loaded(asked, list(range(len(sources))))):
        read = (IP if family == 4 else IPv6)(packet)
        assert (read.src, read[LAYERS[proto]].dport) == (sources[key], 443)
        transport = packet[HEADERS[family] :]
        assert ones_sum(pseudo_header(packet, family, proto) + transport) == 0xFFFF, sources[key]
        assert key_of(transport, proto, MARK) == key
        if family == 4:
            assert ones_sum(packet[:20]) == 0xFFFF


def test_a_shorter_load_writes_over_the_first_packets_alone() -> None:
    train = Train(question(4, 6), MARK, b"", 4)
    train.load([10, 11, 12, 13])
    train.load([20])
    ports = [int.from_bytes(train.buffer[at + 22 : at + 24], "big") for at in range(0, len(train.buffer), train.size)]
    assert ports == [20, 11, 12, 13]


def test_the_packets_of_another_sweep_have_no_key_here() -> None:
    (packet,) = loaded(question(4, 17), [53])
    assert key_of(packet[20:], 17, MARK + 1) is None
    assert key_of(packet[20:32], 17, MARK) == 53
    assert key_of(packet[20:31], 17, MARK) is None, "cut off before the mark"


def answer(flags: str, acknowledged: int) -> bytes:
    return bytes(TCP(sport=443, dport=4000, flags=flags, ack=acknowledged))


@pytest.mark.parametrize(("flags", "reset"), [("SA", False), ("RA", True)])
def test_an_answer_names_the_key_that_it_acknowledges(flags: str, *, reset: bool) -> None:
    for key in (1, 443, 65535):
        told = answer(flags, ((0xFFFF - key) << 16 | MARK) + 1)
        assert (answered_key(told, MARK), is_reset(told)) == (key, reset)


@pytest.mark.parametrize("told", [answer("S", MARK + 1), answer("A", MARK), answer("R", MARK + 2), answer("RA", MARK + 1)[:13]])
def test_what_answers_something_else_names_none(told: bytes) -> None:
    assert answered_key(told, MARK) is None


def test_the_keys_of_a_question() -> None:
    ports = question(4, 6, ports=((1, 3), (7, 7)))
    assert (list(ports.keys), ports.port_of(7), ports.source_of(7)) == ([1, 2, 3, 7], 7, SOURCES[4])
    sources = question(4, 6, "192.0.2.1", "192.0.2.2", ports=((443, 443),))
    assert (list(sources.keys), sources.port_of(1), sources.source_of(1)) == ([0, 1], 443, "192.0.2.2")


@pytest.mark.parametrize(("family", "proto"), KINDS)
def test_every_aim_has_its_own_ends_and_key(family: int, proto: int) -> None:
    near, far = (("192.0.2.{}", "198.51.100.{}"), ("2001:db8:a::{}", "2001:db8:b::{}"))[family == 6]
    aims = [
        Aim(near.format(source), far.format(destination), port)
        for source in (1, 2) for destination in range(1, 20) for port in (1, 443, 65535)
    ]  # fmt: skip
    asked = SweepQuestion.to_many("client", proto, 4000, aims)
    assert (asked.keys, asked.ports) == (range(len(aims)), ((1, 1), (443, 443), (65535, 65535)))
    assert asked.destinations == tuple(far.format(destination) for destination in range(1, 20))
    for key, packet in enumerate(loaded(asked, list(asked.keys))):
        read = (IP if family == 4 else IPv6)(packet)
        assert (read.src, read.dst, read[LAYERS[proto]].dport) == aims[key]
        assert (asked.source_of(key), asked.destination_of(key), asked.port_of(key)) == aims[key]
        transport = packet[HEADERS[family] :]
        assert ones_sum(pseudo_header(packet, family, proto) + transport) == 0xFFFF
        assert key_of(transport, proto, MARK) == key


ONE = Aim("192.0.2.1", "198.51.100.1", 443)


@pytest.mark.parametrize(
    "aims",
    [
        [ONE, ONE],
        [ONE, Aim("2001:db8::1", "2001:db8::2", 443)],
        [Aim(ONE.source, f"198.51.{port % 3}.1", port // 3) for port in range(70_000)],
    ],
    ids=["alike", "of two families", "too many"],
)
def test_aims_that_are_no_train(aims: list[Aim]) -> None:
    with pytest.raises(ValueError, match="aims are of one family"):
        SweepQuestion.to_many("client", 6, 4000, aims)


@pytest.mark.parametrize(("family", "proto"), KINDS)
def test_source_ports_of_their_own_are_those_of_clients_and_no_two_packets_are_of_one_flow(family: int, proto: int) -> None:
    asked = replace(question(family, proto), varied=True)
    ports = list(range(1, 65536))
    flows = {packet[HEADERS[family] : HEADERS[family] + 4] for packet in loaded(asked, ports)}
    assert len(flows) == len(ports)
    assert {int.from_bytes(flow[:2], "big") for flow in flows} == set(range(32768, 61000))
    assert asked.sport_of(1) == asked.sport_of(1 + DISTINCT)
    assert len({asked.sport_of(key) for key in range(DISTINCT)}) == DISTINCT
