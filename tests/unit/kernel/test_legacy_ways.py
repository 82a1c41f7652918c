"""What NFLOG tells to paths: which packet a step belongs to, and how its way ended."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.legacy_trace import LegacyTrace, _ways
from lab.kernel.watch.nflog import Logged
from lab.record.path import End, Path, Rule

OWN = b"lab: "
TEXTS = ("-j ACCEPT", "-p tcp -j svc", "-j REJECT", "-j DROP", "-j NFQUEUE", "-j LOG", "-g away")
RULES = {
    ("ip", "filter", "FORWARD", number): Rule(
        "gateway", "filter", "FORWARD", number, f"-A FORWARD {text}", target=text.split()[-1]
    )
    for number, text in enumerate(TEXTS, 1)
} | {
    ("ip", "filter", "FORWARD", 0): Rule("gateway", "filter", "FORWARD", None, "-P FORWARD DROP", target="DROP"),
    ("ip", "filter", "svc", 0): Rule("gateway", "filter", "svc", None, "-P svc RETURN", target="RETURN"),
    ("ip", "filter", "away", 0): Rule("gateway", "filter", "away", None, "-P away RETURN", target="RETURN"),
}


def packet(last: int = 10, sport: int = 40000) -> bytes:
    return bytes.fromhex("4500003c 00014000 4006 0000 0a00010a 0a0002") + bytes([last]) + struct.pack("!HHII", sport, 443, 1, 0)


def said(prefix: str, of: bytes | None = None, out: int = 0, mark: int = 0) -> Logged:
    return Logged(prefix.encode(), packet() if of is None else of, 0, out, mark)


def paths(*messages: Logged) -> Sequence[Path]:
    trace = LegacyTrace.__new__(LegacyTrace)
    trace._node, trace._rules, trace._port_name = "gateway", RuleIndex("gateway", RULES), {1002: "right"}.get
    trace._stories, trace._own = {}, OWN
    return [trace._path(way) for way in _ways(messages, OWN, one_by_one=True)]


def step(word: str) -> Logged:
    return said(f"TRACE: filter:FORWARD:{word} ")


def test_through_the_node() -> None:
    (path,) = paths(said("lab: prerouting"), step("rule:1"), said("lab: postrouting", packet(99), out=1002, mark=7))
    assert (path.end, path.out, path.mark) == (End.LEFT, "right", 7)
    assert path.exit is not None
    assert (path.entry.destination, path.exit.destination) == ("10.0.2.10", "10.0.2.99")
    assert [(one.hook, one.rule and one.rule.place, one.verdict) for one in path.steps] == [
        ("forward", "filter:FORWARD:1", "accept")
    ]


@pytest.mark.parametrize(
    ("word", "end", "verdict"),
    [
        ("rule:4", End.DROPPED, "drop"), ("rule:3", End.DROPPED, "drop"), ("policy:8", End.DROPPED, "drop"),
        ("policy:4", End.DROPPED, "drop"), ("rule:5", End.QUEUED, "queue"), ("rule:6", End.VANISHED, "continue"),
        ("rule:1", End.VANISHED, "accept"), ("rule:2", End.VANISHED, "jump svc"), ("rule:7", End.VANISHED, "goto away"),
    ],
)  # fmt: skip
def test_the_last_step_of_a_packet_that_did_not_leave(word: str, end: End, verdict: str) -> None:
    (path,) = paths(said("lab: prerouting"), step(word))
    assert (path.end, path.steps[-1].verdict) == (end, verdict)


def test_an_unconditional_rule_is_no_policy() -> None:
    (path,) = paths(said("lab: prerouting"), step("policy:4"))
    assert path.dropped_by is not None
    assert path.dropped_by.number == 4
    (path,) = paths(said("lab: prerouting"), step("policy:8"))
    assert path.dropped_by is not None
    assert path.dropped_by.number is None


def test_an_answer_that_is_made_inside_a_rule() -> None:
    answer = bytes.fromhex("4500003c 00004000 4006 0000 0a00020a 0a00010a 01bb9c40 00000000 00000001")
    refused, reset = paths(
        said("lab: prerouting"), step("rule:3"), said("lab: output", answer), said("lab: postrouting", answer, out=1002)
    )
    assert (refused.end, len(refused.steps)) == (End.DROPPED, 1)
    assert (reset.end, reset.entry.source) == (End.LEFT, "10.0.2.10")


def test_after_an_answer_its_question_goes_on() -> None:
    first, copy = paths(
        said("lab: prerouting"), said("lab: output", packet(77)), said("lab: postrouting", packet(77)), step("rule:4")
    )
    assert (first.end, copy.end) == (End.DROPPED, End.LEFT)


def test_packets_with_other_headers_are_others() -> None:
    one, other = paths(
        said("lab: prerouting"), said("lab: prerouting", packet(sport=50000)), step("rule:4"),
        said("TRACE: filter:FORWARD:rule:1 ", packet(sport=50000)), said("lab: input", packet(sport=50000)),
    )  # fmt: skip
    assert (one.end, other.end) == (End.DROPPED, End.DELIVERED)


def test_what_others_log_is_nobodys() -> None:
    (path,) = paths(said("lab: prerouting"), said("edge-drop "), step("rule:4"))
    assert len(path.steps) == 1
    assert paths(step("rule:4"), said("lab: input")) == []


def test_steps_in_a_users_chain_are_in_the_hook_that_led_there() -> None:
    (path,) = paths(said("lab: prerouting"), step("rule:2"), said("TRACE: filter:svc:return:3 "), step("rule:4"))
    assert [(one.hook, one.chain, one.verdict) for one in path.steps] == [
        ("forward", "FORWARD", "jump svc"), ("forward", "svc", "continue"), ("forward", "FORWARD", "drop"),
    ]  # fmt: skip


def datagram(source: int, sport: int, payload: bytes) -> bytes:
    """One of UDP whose sender and checksum a translation changes."""
    return bytes.fromhex("4500003c 00014000 4011 0000 0a0001") + bytes([source]) + bytes.fromhex("0a00020a") + struct.pack(
        "!HHHH", sport, 53, 8 + len(payload), 50000 - sport
    ) + payload  # fmt: skip


def error(kind: int, quoted: bytes, destination: int) -> bytes:
    """An ICMP message, port-unreachable and the like, with what it quotes."""
    head = bytes.fromhex("45000050 00010000 4001 0000 0a00020a 0a0001") + bytes([destination])
    return head + struct.pack("!BBHI", kind, 3, 4000 + destination, 0) + quoted


def six(version_4: bytes, source: int) -> bytes:
    """The same in IPv6."""
    transport = version_4[20:]
    addresses = bytes.fromhex("20010db8") + bytes(11) + bytes([source]) + bytes.fromhex("20010db8") + bytes(11) + b"\x63"
    return struct.pack("!IHBB", 6 << 28, len(transport), version_4[9], 64) + addresses + transport


SEGMENTS = [(packet(sport=40000 + n)[:24] + struct.pack("!II", n, 0), packet(99, 50000 + n)[:24] + struct.pack("!II", n, 0))
            for n in (1, 2)]  # fmt: skip
DATAGRAMS = [(datagram(n, 5000 + n, bytes([n]) * 9), datagram(77, 9000 + n, bytes([n]) * 9)) for n in (1, 2)]
ECHOES = [(error(8, bytes([n]) * 16, 1), error(8, bytes([n]) * 16, 2)) for n in (1, 2)]
ERRORS = [(error(3, hidden, 1), error(3, sent, 2)) for sent, hidden in (*SEGMENTS, *DATAGRAMS)]
SHORT = [(error(3, bytes([n]), 1), error(3, bytes([n]), 2)) for n in (65, 1)]
VERSION_6 = [(six(before, 1), six(after, 2)) for before, after in (*SEGMENTS, *DATAGRAMS)]
TRANSLATED = {"tcp": SEGMENTS, "udp": DATAGRAMS, "echo": ECHOES, "error": ERRORS, "short": SHORT, "ipv6": VERSION_6}


@pytest.mark.parametrize("sent", TRANSLATED.values(), ids=TRANSLATED)
def test_packets_of_two_processors_that_were_translated(sent: list[tuple[bytes, bytes]]) -> None:
    entered = [said("lab: prerouting", before) for before, _ in sent]
    steps = [said(f"TRACE: filter:FORWARD:rule:{number}", after) for number, (_, after) in enumerate(sent, 1)]
    left = [said("lab: postrouting", after) for _, after in sent]
    for way, (before, after), number in zip(
        _ways([*entered, *steps, *left], OWN, one_by_one=False), sent, range(1, 5), strict=False
    ):
        assert (way.entry.packet, way.exit and way.exit.packet) == (before, after)
        assert [step.prefix for step in way.steps] == [b"TRACE: filter:FORWARD:rule:%d" % number]


def test_what_no_packet_of_two_processors_can_be_known_by_is_nobodys() -> None:
    stranger = said("lab: postrouting", datagram(3, 1, b"another payload"))
    (way,) = _ways([said("lab: prerouting"), stranger], OWN, one_by_one=False)
    assert way.exit is None
    (way,) = _ways([said("lab: prerouting"), stranger], OWN, one_by_one=True)
    assert way.exit is stranger
