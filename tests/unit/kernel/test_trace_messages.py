"""The kernel's trace messages from bytes, laid out as nft_trace.c lays them out."""

from __future__ import annotations

import struct

import pytest

from lab.kernel.watch.tracer import Said, TraceMessage, Tracer

TABLE, CHAIN, HANDLE, TYPE, VERDICT, IDENT, LINK, NETWORK, TRANSPORT, IIF, OIF, MARK, PROTO, POLICY = (
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16,
)  # fmt: skip
ACCEPT, DROP, QUEUE_3, JUMP, CONTINUE = 1, 0, 3 << 16 | 3, 0xFFFFFFFD, 0xFFFFFFFF
IPV4 = bytes.fromhex("4500003c 00014000 4006 0000 0a00010a 0a00020a")
TCP = bytes.fromhex("9c40 01bb 00000001 00000000 a0 02 ffff 0000 0000")
ICMP = bytes.fromhex("0800 0000 0007 0001")


def attribute(kind: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), kind) + payload + bytes(-len(payload) % 4)


def name(kind: int, text: str) -> bytes:
    return attribute(kind, text.encode() + b"\0")


def said(code: int, chain: str | None = None) -> bytes:
    inner = attribute(1, struct.pack("!I", code)) + (name(2, chain) if chain else b"")
    return attribute(VERDICT | 0x8000, inner)


def message(*attributes: bytes, ident: int = 7, family: int = 2) -> bytes:
    head = attribute(PROTO, struct.pack("!I", 2)) + attribute(TYPE, struct.pack("!I", 1))
    body = head + attribute(IDENT, struct.pack("!I", ident)) + b"".join(attributes)
    return struct.pack("=IHHIIBBH", 20 + len(body), 10 << 8 | 17, 0, 0, 0, family, 0, 0) + body


def handle(number: int) -> bytes:
    return attribute(HANDLE, struct.pack("!Q", number))


def headers(network: bytes = IPV4, transport: bytes = TCP) -> bytes:
    return attribute(NETWORK, network) + attribute(TRANSPORT, transport)


FORWARD = name(CHAIN, "FORWARD") + name(TABLE, "filter")
LINKS = attribute(IIF, struct.pack("!I", 1001)) + attribute(OIF, struct.pack("!I", 1002))
MAC = attribute(LINK, bytes.fromhex("024c00000001 024c01000002 0800"))


@pytest.fixture
def tracer() -> Tracer:
    """A tracer that reads messages, without any socket."""
    made = Tracer.__new__(Tracer)
    made._remembered = {}
    made._marked = {}
    return made


def told(of: Said) -> tuple[object, ...]:
    return of.family, of.table, of.chain, of.handle, of.verdict, of.is_policy, of.out_index, of.mark


def read(tracer: Tracer, data: bytes) -> TraceMessage:
    """What the message says, which must be the same when it is met again."""
    first, again = tracer._message(data), tracer._message(data)
    assert (first.ident, told(first.said), first.network, first.transport) == (
        again.ident, told(again.said), again.network, again.transport,
    )  # fmt: skip
    return first


def test_a_rule(tracer: Tracer) -> None:
    found = read(tracer, message(FORWARD, handle(12), said(ACCEPT)))
    assert told(found.said) == ("ip", "filter", "FORWARD", 12, "accept", False, 0, 0)
    assert (found.ident, found.packet) == (struct.pack("!I", 7), None)


@pytest.mark.parametrize(
    ("code", "chain", "word"),
    [(DROP, None, "drop"), (CONTINUE, None, "continue"), (0xFFFFFFFB, None, "return"), (JUMP, "web", "jump web"),
     (0xFFFFFFFC, "away", "goto away"), (QUEUE_3, None, "queue"), (2, None, "stolen"), (77, None, "unknown")],
)  # fmt: skip
def test_verdicts(tracer: Tracer, code: int, chain: str | None, word: str) -> None:
    assert read(tracer, message(FORWARD, handle(3), said(code, chain))).said.verdict == word


@pytest.mark.parametrize(("code", "word"), [(0, "drop"), (1, "accept")])
def test_a_policy(tracer: Tracer, code: int, word: str) -> None:
    found = read(tracer, message(FORWARD, attribute(POLICY, struct.pack("!I", code)))).said
    assert (found.verdict, found.is_policy, found.handle) == (word, True, 0)


def test_headers_of_tcp(tracer: Tracer) -> None:
    packet = read(tracer, message(FORWARD, handle(1), said(ACCEPT), LINKS, MAC, headers())).packet
    assert packet == (4, 6, "10.0.1.10", 40000, "10.0.2.10", 443, 0x02, 0)


def test_headers_of_icmp(tracer: Tracer) -> None:
    network = IPV4[:9] + b"\x01" + IPV4[10:]
    packet = read(tracer, message(FORWARD, handle(1), said(ACCEPT), headers(network, ICMP))).packet
    assert packet == (4, 1, "10.0.1.10", 7, "10.0.2.10", 1, 8, 0)


def test_headers_that_are_cut_off(tracer: Tracer) -> None:
    packet = read(tracer, message(FORWARD, handle(1), said(ACCEPT), attribute(NETWORK, IPV4))).packet
    assert packet == (4, 6, "10.0.1.10", None, "10.0.2.10", None, 0, 0)


def test_a_header_with_options(tracer: Tracer) -> None:
    packet = read(tracer, message(FORWARD, handle(1), said(ACCEPT), headers(b"\x46" + IPV4[1:] + b"\x94\x04\0\0"))).packet
    assert packet is not None
    assert (packet.source, packet.dport) == ("10.0.1.10", 443)


def test_one_rule_met_by_two_packets(tracer: Tracer) -> None:
    parts = FORWARD, handle(1), said(ACCEPT), LINKS
    one = tracer._message(message(*parts, headers()))
    other = tracer._message(message(*parts, headers(IPV4[:12] + b"\x0a\x00\x01\x0b" + IPV4[16:]), ident=8))
    assert one.said is other.said
    assert (one.ident, other.ident) == (struct.pack("!I", 7), struct.pack("!I", 8))
    assert [found.packet and found.packet.source for found in (one, other)] == ["10.0.1.10", "10.0.1.11"]


def test_rules_that_differ_are_not_taken_for_each_other(tracer: Tracer) -> None:
    texts = [
        message(FORWARD, handle(1), said(ACCEPT)), message(FORWARD, handle(2), said(ACCEPT)),
        message(FORWARD, handle(1), said(DROP)), message(FORWARD, handle(1), said(ACCEPT), family=1),
        message(name(CHAIN, "INPUT"), name(TABLE, "filter"), handle(1), said(ACCEPT)),
        message(FORWARD, handle(1), said(ACCEPT), LINKS), message(FORWARD, handle(1), said(JUMP, "a")),
        message(FORWARD, handle(1), said(JUMP, "b")), message(FORWARD, attribute(POLICY, struct.pack("!I", 1))),
        message(FORWARD, handle(1), said(ACCEPT), headers()),
    ]  # fmt: skip
    first = [tracer._message(text) for text in texts]
    again = [tracer._message(text) for text in texts]
    assert len({(told(found.said), found.packet) for found in first}) == len(texts)
    assert [told(found.said) for found in first] == [told(found.said) for found in again]


def test_interface_and_mark(tracer: Tracer) -> None:
    for number in (2, 9, 2):
        mark = attribute(MARK, struct.pack("!I", number))
        found = tracer._message(message(FORWARD, handle(1), said(ACCEPT), LINKS, mark, headers())).said
        assert (found.out_index, found.mark) == (1002, number)
    assert tracer._message(message(FORWARD, handle(1), said(ACCEPT), LINKS, headers())).said.mark == 0


def test_a_kernel_that_puts_the_id_elsewhere(tracer: Tracer) -> None:
    for ident in (7, 8):
        body = name(CHAIN, "FORWARD") + name(TABLE, "filter") + attribute(IDENT, struct.pack("!I", ident))
        body += handle(5) + said(DROP) + headers()
        data = struct.pack("=IHHIIBBH", 20 + len(body), 10 << 8 | 17, 0, 0, 0, 2, 0, 0) + body
        found = read(tracer, data)
        assert (found.ident, found.said.handle, found.said.verdict) == (struct.pack("!I", ident), 5, "drop")
        assert found.packet is not None
        assert found.packet.dport == 443


def test_bytes_that_look_like_a_header_are_none(tracer: Tracer) -> None:
    mac = attribute(LINK, bytes.fromhex("18000800 0001 18000800 0002 0800"))
    found = read(tracer, message(FORWARD, handle(1), said(ACCEPT), mac, headers()))
    assert found.packet is not None
    assert (found.packet.source, found.packet.dport) == ("10.0.1.10", 443)
