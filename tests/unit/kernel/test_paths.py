"""Trace messages to paths: a packet begins at the lab's own entry chain, and an id is used again."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.paths import Assembler
from lab.kernel.watch.tracer import Said, TraceMessage
from lab.record.path import End, Path, Rule

SHUT = Rule("gateway", "filter", "FORWARD", 1, "-A FORWARD -j DROP", target="DROP")
POLICY = Rule("gateway", "filter", "FORWARD", None, "-P FORWARD ACCEPT")
RULES = {("ip", "filter", "FORWARD", 5): SHUT, ("ip", "filter", "FORWARD", 0): POLICY}
OWN = "lab_trace_7"
CODES = {"accept": 1, "drop": 0, "queue": 3, "continue": 0xFFFFFFFF}


def network(last: int) -> bytes:
    return bytes.fromhex("4500003c 00014000 4011 0000 0a00010a 0a0002") + bytes([last])


def said(table: str, chain: str, verdict: str, number: int = 0, *, policy: bool = False, out: int = 0) -> Said:
    found = {1: table.encode() + b"\0", 2: chain.encode() + b"\0", 3: struct.pack("!Q", number), 12: struct.pack("!I", out)}
    code = struct.pack("!I", CODES[verdict])
    found[16 if policy else 5] = code if policy else struct.pack("=HH", 8, 1) + code
    return Said(2, found)


def entry(ident: bytes = b"a", *, to: int = 10, chain: str = "prerouting", verdict: str = "accept") -> TraceMessage:
    return TraceMessage(ident, said(OWN, chain, verdict, 1), network(to), b"\x9c\x40\x00\x35")


def leaving(ident: bytes = b"a", *, to: int = 10, chain: str = "postrouting", out: int = 1002) -> TraceMessage:
    return TraceMessage(ident, said(OWN, chain, "accept", 1, out=out), network(to), b"\x9c\x40\x00\x35")


def met(ident: bytes = b"a", verdict: str = "accept", number: int = 0, *, policy: bool = False) -> TraceMessage:
    return TraceMessage(ident, said("filter", "FORWARD", verdict, number, policy=policy))


def assembled(*messages: TraceMessage) -> Sequence[Path]:
    return Assembler("gateway", RuleIndex("gateway", RULES), {1002: "right"}.get, OWN).assemble(messages)


def test_through_the_node() -> None:
    (path,) = assembled(entry(), met(policy=True), leaving(to=99))
    assert (path.node, path.end, path.out) == ("gateway", End.LEFT, "right")
    assert (path.entry.destination, path.exit and path.exit.destination) == ("10.0.2.10", "10.0.2.99")
    assert [(step.hook, step.rule, step.verdict) for step in path.steps] == [("forward", POLICY, "accept")]


def test_to_the_node_itself() -> None:
    (path,) = assembled(entry(), leaving(chain="input", out=0))
    assert (path.end, path.out) == (End.DELIVERED, None)


def test_dropped() -> None:
    (path,) = assembled(entry(), met(verdict="drop", number=5))
    assert (path.end, path.dropped_by, path.exit) == (End.DROPPED, SHUT, None)


def test_the_labs_quiet_table_let_nothing_pass_and_its_drop_is_told() -> None:
    quiet = Assembler("gateway", RuleIndex("gateway", RULES), lambda _: None, OWN)
    passed, dropped = (TraceMessage(b"a", said("lab_quiet", "output", verdict, policy=True)) for verdict in ("accept", "drop"))
    (path,) = quiet.assemble([entry(chain="output"), passed, leaving()])
    assert (path.end, path.steps) == (End.LEFT, ())
    (path,) = quiet.assemble([entry(chain="output"), dropped])
    assert (path.end, len(path.steps)) == (End.DROPPED, 1)


def test_queued() -> None:
    (path,) = assembled(entry(), met(verdict="queue", number=5))
    assert (path.end, path.dropped_by) == (End.QUEUED, None)


def test_neither_left_nor_dropped() -> None:
    (path,) = assembled(entry(), met(policy=True))
    assert (path.end, path.exit) == (End.VANISHED, None)


def test_an_id_that_is_used_again_is_another_packet() -> None:
    paths = assembled(entry(to=1), leaving(to=1), entry(to=2), met(verdict="drop", number=5), entry(to=3))
    assert [(path.entry.destination, path.end) for path in paths] == [
        ("10.0.2.1", End.LEFT), ("10.0.2.2", End.DROPPED), ("10.0.2.3", End.VANISHED),
    ]  # fmt: skip


def test_packets_that_are_under_way_at_once() -> None:
    one, other = assembled(
        entry(b"a", to=1), entry(b"b", to=2, chain="output"), leaving(b"b", to=2), met(b"a", "drop", 5)
    )
    assert (one.end, other.end) == (End.DROPPED, End.LEFT)
    assert (one.dropped_by, other.steps) == (SHUT, ())


def test_messages_without_an_entry_belong_to_nobody() -> None:
    assert assembled(met(verdict="drop", number=5), leaving()) == []


def test_the_canary_is_no_packet() -> None:
    assert assembled(entry(verdict="drop")) == []


def test_the_same_story_twice_is_of_two_packets() -> None:
    one, other = assembled(entry(to=1), met(verdict="drop", number=5), entry(to=2), met(verdict="drop", number=5))
    assert one.steps == other.steps
    assert (one.entry.destination, other.entry.destination) == ("10.0.2.1", "10.0.2.2")
