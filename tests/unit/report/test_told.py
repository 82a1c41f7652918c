"""What is told of a lab that is up, as people and a kernel's log have it."""

from __future__ import annotations

from lab.record.packet import Packet
from lab.record.path import End, Log, Path, Rule, Step
from lab.record.told import Fate, Missed, RulesChanged, Told
from lab.report.told import Offenders, kernel_line, news_line

LOGS = Rule("gateway", "filter", "FORWARD", 1, "-j LOG", log_prefix="web: ", log=Log("web: ", "warn", None), target="LOG")
DROPS = Rule("gateway", "filter", "FORWARD", 2, "-j DROP", comment="deny", target="DROP", source="a.rules:7")
SYN = Packet(4, 6, "10.0.1.10", 4711, "10.0.2.10", 443, 0x02)
IPV4 = bytes.fromhex("4510003c1c4640004006b1e60a00010a0a00020a")
TCP = bytes.fromhex("126701bb000000000000000050020400aaaa0000")


def told(*steps: Step, end: End = End.DROPPED, packet: Packet = SYN) -> Told:
    path = Path("gateway", packet, steps, end, entered="left", toward="right", mark=0)
    return Told(0.0, path, steps[-1].rule if steps else None, (IPV4, TCP))


DENIED = told(
    Step("forward", "filter", "FORWARD", LOGS, "continue"), Step("forward", "filter", "FORWARD", DROPS, "drop")
)


def test_a_line_of_a_packet() -> None:
    line = news_line(DENIED).partition(" ")[2]
    assert line == (
        'gateway  tcp 10.0.1.10:4711 > 10.0.2.10:443 syn  dropped by filter:FORWARD:2 "deny" [a.rules:7]'
        '  logged "web:" by filter:FORWARD:1'
    )
    assert "gateway" not in news_line(DENIED, node=False)


def test_what_else_is_told() -> None:
    assert "up to 12 were not told" in news_line(Missed(0.0, "gateway", 12))
    assert news_line(RulesChanged(0.0, "gateway", "no")).endswith("rules were changed; they cannot be named: no")
    assert told(end=End.VANISHED).fate is Fate.LOST


def test_a_kernels_line() -> None:
    (logged,) = DENIED.logged
    assert kernel_line(logged, DENIED.raw, 12.5) == (
        "[   12.500000] web: IN=left OUT=right SRC=10.0.1.10 DST=10.0.2.10 LEN=60 TOS=0x10 PREC=0x00 TTL=63 ID=7238 DF "
        "PROTO=TCP SPT=4711 DPT=443 WINDOW=1024 RES=0x00 SYN URGP=0"
    )


def test_a_kernels_line_of_ipv6() -> None:
    head = bytes.fromhex("60000000000c3aff") + bytes(15) + b"\1" + bytes(15) + b"\2"
    packet = Packet(6, 58, "::1", 1, "::2", 2, 128, 0)
    (logged,) = told(Step("input", "filter", "INPUT", LOGS, "continue"), packet=packet).logged
    line = kernel_line(logged, (head, bytes(8)), 0)
    assert "IN=left OUT= SRC=0000:0000:0000:0000:0000:0000:0000:0001 " in line
    assert line.endswith("LEN=52 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=2")


def test_offenders_are_counted_the_most_first() -> None:
    board = Offenders()
    for one in (DENIED, DENIED, told(end=End.LEFT), told(packet=SYN._replace(source="10.0.1.9"))):
        board.take(one)
    assert [line.split()[:3] for line in board.lines()[1:]] == [["2", "10.0.1.10", "tcp/443"], ["1", "10.0.1.9", "tcp/443"]]
