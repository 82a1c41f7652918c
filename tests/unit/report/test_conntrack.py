"""A table of conntrack as it is printed."""

from __future__ import annotations

from dataclasses import replace

from lab.record.packet import Packet
from lab.record.tracked import ConntrackReport, Counted, HeldFlow, Table, Tracked
from lab.record.verdict import Kind
from lab.report.conntrack import conntrack_lines
from tests.unit.verdict.made import verdict

WEB = Tracked(
    "ESTABLISHED", ("ASSURED",), Packet(4, 6, "10.0.1.10", 40000, "198.51.100.1", 443),
    Packet(4, 6, "10.0.2.10", 8443, "198.51.100.2", 40000), 431999, 5, 7, 0, "ftp", ("web\x1b", "3"),
)  # fmt: skip
PING = Tracked(
    "ESTABLISHED", (), Packet(6, 58, "2001:db8::1", 7, "2001:db8::2", None, 128),
    Packet(6, 58, "2001:db8::2", 7, "2001:db8::1", None), None, 0, 9, 9,
)  # fmt: skip
TABLE = Table(
    "gateway", (WEB, PING), 1_002, 5, (Counted("tcp ESTABLISHED", 1_001, 4), Counted("icmpv6 ESTABLISHED", 1, 1)),
    by_source=tuple(Counted(f"10.0.1.{number}", 9) for number in range(10)), sources=400,
)  # fmt: skip
PASSED = HeldFlow("client > web tcp/443", verdict(), tracked=True)
DROPPED = HeldFlow("client > web tcp/22", verdict(Kind.DROPPED, proof="by a rule"), tracked=False)
UNTRACKED = HeldFlow("client > web udp/9", verdict(), tracked=False)


def test_a_table_is_read_line_by_line() -> None:
    report = ConntrackReport(TABLE, flows=(PASSED, DROPPED, UNTRACKED), guesses=("a guess",), notes=("a note",))
    assert list(conntrack_lines(report)) == [
        "gateway",
        ("  tcp ESTABLISHED     10.0.1.10:40000 > 198.51.100.1:443, as 198.51.100.2:40000 to 10.0.2.10:8443  431,999 s"
        "  ASSURED mark 0x5 zone 7/0 helper ftp labels web\\x1b,3"),
        "  icmpv6 ESTABLISHED  2001:db8::1 > 2001:db8::2" + " " * 63 + "id 7 zone 9",
        "  … and 1,000 more (--full prints all)",
        "1,002 entries, 5 of them without an answer",
        "  states   tcp ESTABLISHED (1,001, 4 unanswered), icmpv6 ESTABLISHED (1, unanswered)",
        f"  sources  {', '.join(f'10.0.1.{number} (9)' for number in range(8))}, … and 392 more",
        "2 of 3 flows were held open meanwhile",
        "  not open: client > web tcp/22: dropped, by a rule",
        "  no entry: client > web udp/9",
        "guessed: a guess",
        "note: a note",
    ]


def test_notes_that_may_void_it_come_first() -> None:
    assert next(iter(conntrack_lines(ConntrackReport(TABLE, notes=("a note",)), voided=True))) == "note: a note"


def test_of_many_flows_some_are_named() -> None:
    report = ConntrackReport(replace(TABLE, shown=(), entries=0), flows=(DROPPED,) * 1_000)
    lines = list(conntrack_lines(report))
    assert len(lines) < 20
    assert lines[-1] == "  not open: … and 992 more (--json has all)"


def test_a_line_is_folded_where_there_is_no_room() -> None:
    assert max(map(len, conntrack_lines(ConntrackReport(replace(TABLE, entries=2)), 80))) <= 80
