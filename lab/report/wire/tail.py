"""Packets that rules logged: a line of ``lab tail`` is one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.logs import LogWitness
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import Number, Rule
from lab.report.wire.seen import Packet


@dataclass(frozen=True, kw_only=True)
class Line:
    """One packet that one rule logged."""

    version: Literal[1] = key()
    time: Number = key("when it was told, in seconds since 1970", of=lambda line: round(line.time_s, 3))
    cell: str = key("the id of the flow", of="cell.id")
    verdict: Kind = key("what became of the flow; of a range, of the first ports that fail", of="cell.verdict.kind")
    node: str = key("where", of="message.node")
    witness: LogWitness = key(
        "trace: it met a LOG rule; nflog: the message came to its group; nobody: it met an NFLOG rule, and none came",
        of="message.witness",
    )
    prefix: str = key("the rule's prefix; empty for none", of="message.prefix")
    level: str | None = key(
        "of a LOG: emerg, alert, crit, err, warn, notice, info, debug, audit; null of an NFLOG", of="message.level"
    )
    group: int | None = key("of an NFLOG; null of a LOG", of="message.group")
    place: str | None = key("filter:FORWARD:3; null: one of several rules that say the same",
                            of=lambda line: line.message.rule and line.message.rule.place)  # fmt: skip
    rule: Rule | None = key("the rule, with the template's file and line", of="message.rule")
    packet: Packet | None = key("its headers as they were there; null: too short a message", of="message.packet")
    hook: str = key("prerouting, input, forward, output, postrouting; empty where that is not told", of="message.hook")
    entered: str | None = key("the interface that it came in by", named="in", of="message.entered")
    toward: str | None = key("the interface that it is on its way to", named="out", of="message.toward")
    mark: int | None = key("its mark; null: a later rule may have set it", of="message.mark")
    first: bool = key("it is the request's first packet", of="message.of_first")
    copied: int | None = key("bytes of the packet that its message held; null by the trace", of="message.copied")
    whole: int | None = key("bytes that the packet has; null where that is not told", of="message.whole")
