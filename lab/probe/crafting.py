"""Written layers to the bytes of packets: scapy builds them, and what a row leaves open is filled in."""

from __future__ import annotations

import importlib
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.kernel.ground.headers import ICMP, ICMPV6, TCP, UDP, checksum, read_packet, with_transport
from lab.record.packet import Packet
from lab.written.packet.layered import Layered, offset_of
from lab.written.packet.layers import LAYERS, OPTIONS
from lab.written.packet.values import Layer, Literal

_OUTER = {4: "IP", 6: "IPv6"}
_HEADER = {4: 20, 6: 40}
_FRAGMENT = 44  # IPv6's header of one (RFC 8200)
_CHECKSUM = {TCP: (16, "chksum"), UDP: (6, "chksum"), ICMP: (2, "chksum"), ICMPV6: (2, "cksum")}
_LOOPBACK = {"IP": "127.0.0.1", "IPv6": "::1"}
_ACK = 0x10


@dataclass(frozen=True, slots=True)
class Ends:
    """What the row says of a packet that does not say it itself: addresses, ports, and a number that no other packet has.

    ``position`` is what an open connection sends and expects next: from there TCP's numbers are counted.
    """

    family: int
    source: str
    sport: int
    destination: str
    port: int | None
    number: int
    position: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The ``packets`` in the order in which they are sent, and ``sent``, the headers of the first as a trace tells them.

    ``whole`` are the headers of what the fragments are together, ``tail`` the bytes that it ends with, wherever it comes to.
    """

    packets: tuple[bytes, ...]
    sent: Packet
    whole: Packet
    tail: bytes


def made_of(packet: Layered, ends: Ends, nonce: bytes) -> Made:
    """The bytes of a written packet; ``nonce`` is at its end, unless it says its own length."""
    nonce = b"" if packet.exact else nonce
    texts = [one.layers for one in packet.texts]
    last = max(range(len(texts)), key=lambda number: offset_of(texts[number]))
    built = [_built(packet, layers, ends, nonce if number == last else b"") for number, layers in enumerate(texts)]
    if len(texts) > 1:
        built = _summed(packet, built, ends.family)
    size = packet.texts[0].fragsize
    packets = built if size is None else _fragments(built[0], ends, size)
    head = next((one for one, layers in zip(built, texts, strict=True) if offset_of(layers) == 0), built[0])
    start = _transport(head)
    outer = _headers(head, ends.family)
    whole = with_transport(ends.family, packet.proto or 0, outer.source, outer.destination, head[start:])
    first = packets[0]
    sent = _headers(first, ends.family)
    return Made(tuple(packets), sent, whole, nonce or _unchanged(built[last], packet.proto or 0))


def _headers(packet: bytes, family: int) -> Packet:
    """The headers as a trace tells them, whatever version they claim to be of."""
    network = bytes([family << 4 | packet[0] & 15]) + packet[1 : _HEADER[family]]
    return read_packet(network, packet[_transport(packet) :])


def _built(packet: Layered, layers: Sequence[Layer], ends: Ends, nonce: bytes) -> bytes:
    if not LAYERS[layers[0].name].outer:
        layers = (Layer(_OUTER[ends.family]), *layers)
    if nonce and not LAYERS[layers[-1].name].holds:
        layers = (*layers, Layer("Raw", (("load", b""),)))
    if nonce:
        layers = (*layers[:-1], _with_nonce(layers[-1], nonce))
    built: Any = None
    for place, layer in enumerate(layers):
        made = _scapy(LAYERS[layer.name].module, _filled(layer, place, layers, packet, ends))
        built = made if built is None else built / made
    return bytes(built)


def _with_nonce(layer: Layer, nonce: bytes) -> Layer:
    held = LAYERS[layer.name].holds
    assert held is not None
    before = layer.get(held)
    load = (before if isinstance(before, bytes) else b"") + nonce
    return Layer(layer.name, (*(field for field in layer.fields if field[0] != held), (held, load)))


def _filled(layer: Layer, place: int, layers: Sequence[Layer], packet: Layered, ends: Ends) -> Layer:
    """The layer with what it leaves open; scapy would ask the machine's own routes for addresses."""
    spec, said = LAYERS[layer.name], dict(layer.fields)
    behind = layers[place + 1] if place + 1 < len(layers) else None
    if spec.outer:
        here = _OUTER[ends.family] == layer.name
        said.setdefault("src", ends.source if here else _LOOPBACK[layer.name])
        said.setdefault("dst", ends.destination if here else _LOOPBACK[layer.name])
        if layer.name == "IP":
            said.setdefault("id", ends.number & 0xFFFF)
    if layer.name == "IPv6ExtHdrFragment":
        said.setdefault("id", ends.number & 0xFFFFFFFF)
    carries = {"IP": "proto", "IPv6": "nh"}.get(layer.name, "nh" if spec.extends or layer.name == "AH" else None)
    number = LAYERS[behind.name].number if behind is not None else None
    if carries is not None and number is None and (place == 0 or spec.extends):
        number = packet.proto
    if carries is not None and number is not None:
        said.setdefault(carries, number)
    for field, value in _of_the_flow(layer, ends).items():
        if field in spec.fields:
            said.setdefault(field, value)
    if layer.name == "TCP" and ends.position is not None:
        for field, at in zip(("seq", "ack"), ends.position, strict=True):
            written = layer.get(field)
            said[field] = (at + (written if isinstance(written, int) else 0)) & 0xFFFFFFFF
    return Layer(layer.name, tuple(said.items()))


def _of_the_flow(layer: Layer, ends: Ends) -> dict[str, Literal]:
    seq = ends.number & 0xFFFFFFFF
    of_all: dict[str, Literal] = {"sport": ends.sport}
    if ends.port is not None:
        of_all["dport"] = ends.port
    if layer.name == "TCP":
        flags = layer.get("flags")
        acks = isinstance(flags, int) and flags & _ACK
        return {**of_all, "seq": seq, "ack": 1 if acks else 0}
    if layer.name == "SCTPChunkInit":
        return {"init_tag": seq or 1, "a_rwnd": 65_535, "n_out_streams": 1, "n_in_streams": 1, "init_tsn": 1}
    if layer.name in ("ICMP", "ICMPv6EchoRequest", "ICMPv6EchoReply"):
        return {"id": ends.sport, "seq": 1} if layer.get("type") in (None, 0, 8) else {}
    if layer.name in ("ESP", "AH", "GRE"):
        return {"spi": ends.number & 0xFFFFFFFF or 256, "seq": 1} if layer.name != "GRE" else {}
    return of_all


def _scapy(module: str, layer: Layer) -> Any:
    # scapy takes a third of a second to import, so only those who write layers pay for it
    made = getattr(importlib.import_module(module), layer.name)
    logging.getLogger("scapy.runtime").setLevel(logging.CRITICAL)  # what it thinks of a packet that is meant to be odd
    return made(**{name: _value(value) for name, value in layer.fields})


def _value(value: Literal) -> Any:
    if isinstance(value, Layer):
        return _scapy(OPTIONS[value.name].module, value)
    if isinstance(value, tuple):
        pair = (len(value) == 2 and isinstance(value[0], (str, int))) or all(isinstance(one, int) for one in value)
        items = [_value(item) for item in value]
        return tuple(items) if pair and value else items
    return value


def _transport(packet: bytes) -> int:
    """Where the header of the transport begins, behind IPv6's extension headers too (RFC 8200, 4)."""
    if packet[0] >> 4 != 6:
        return max(packet[0] & 15, 5) * 4
    kind, start = packet[6], 40
    while kind in (0, 43, 60, _FRAGMENT) and start + 8 <= len(packet):
        kind, start = packet[start], start + (8 if kind == _FRAGMENT else 8 + packet[start + 1] * 8)
    return start


def _unchanged(packet: bytes, proto: int) -> bytes:
    """Of a packet without a nonce the bytes at its end that no translation changes."""
    start = _transport(packet)
    behind = {TCP: 18, UDP: 8, ICMP: 8, ICMPV6: 8, 132: 12}.get(proto, 0)
    return packet[start + behind :]


def _summed(packet: Layered, pieces: list[bytes], family: int) -> list[bytes]:
    """The fragments, the first with the length and the checksum of the whole where it does not say its own."""
    head = next((place for place, one in enumerate(packet.texts) if offset_of(one.layers) == 0), None)
    layer, proto = packet.transport, packet.proto or 0
    if head is None or layer is None or proto not in _CHECKSUM:
        return pieces
    whole = bytearray()
    for one, piece in zip(packet.texts, pieces, strict=True):
        at, load = offset_of(one.layers) * 8, piece[_transport(piece) :]
        whole[len(whole) :] = bytes(max(0, at + len(load) - len(whole)))
        whole[at : at + len(load)] = load
    place, name = _CHECKSUM[proto]
    if proto == UDP and not layer.says("len"):
        whole[4:6] = struct.pack("!H", len(whole))
    if not layer.says(name):
        whole[place : place + 2] = b"\0\0"
        outer = pieces[head]
        ends = outer[12:20] if family == 4 else outer[8:40]
        pseudo = ends + struct.pack("!HH", proto, len(whole)) if proto != ICMP else b""
        whole[place : place + 2] = struct.pack("!H", checksum(pseudo + bytes(whole)) or 0xFFFF)
    start = _transport(pieces[head])
    length = len(pieces[head]) - start
    pieces = [*pieces]
    pieces[head] = pieces[head][:start] + bytes(whole[:length])
    return pieces


def _fragments(packet: bytes, ends: Ends, size: int) -> list[bytes]:
    """One packet in fragments that carry ``size`` bytes each."""
    start = _transport(packet)
    head, load = packet[:start], packet[start:]
    pieces: list[bytes] = []
    for at in range(0, len(load), size):
        part, more = load[at : at + size], at + size < len(load)
        if ends.family == 4:
            made = bytearray(head)
            struct.pack_into("!H", made, 2, start + len(part))
            struct.pack_into("!H", made, 6, (more << 13) | at // 8)
            made[10:12] = b"\0\0"
            made[10:12] = struct.pack("!H", checksum(bytes(made)))
            pieces.append(bytes(made) + part)
        else:
            inner = struct.pack("!BBHI", head[6], 0, at | more, ends.number & 0xFFFFFFFF)
            outer = head[:4] + struct.pack("!HB", len(inner) + len(part), _FRAGMENT) + head[7:40]
            pieces.append(outer + inner + part)
    return pieces
