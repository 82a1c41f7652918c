"""Packets at nodes of a lab that is up: a line of ``lab watch --json`` and ``lab tail LAB --json`` is one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.record.told import Fate
from lab.report.wire.document import key
from lab.report.wire.parts import Number, Rule
from lab.report.wire.seen import Packet


@dataclass(frozen=True, kw_only=True)
class LoggedLine:
    """A rule that logged the packet."""

    prefix: str = key("the rule's prefix; empty for none")
    place: str = key("filter:FORWARD:3", of="rule.place")
    rule: Rule = key("the rule, with the template's file and line")


@dataclass(frozen=True, kw_only=True)
class LiveLine:
    """One packet at one node."""

    version: Literal[1] = key()
    time: Number = key("when it was told, in seconds since 1970", of=lambda told: round(told.at, 3))
    node: str = key("where")
    packet: Packet = key("its headers as it came in", of="path.entry")
    verdict: Fate = key("what became of it there; lost: it came in, did not leave, and no rule dropped it", of="fate")
    place: str | None = key("filter:FORWARD:3, of the rule that decided", of=lambda told: told.rule and told.rule.place)
    rule: Rule | None = key("the rule that decided, with the template's file and line; null: no rule was asked")
    entered: str | None = key("the interface that it came in by; null: made here", named="in", of="path.entered")
    toward: str | None = key("the interface that it was sent to; null: none", named="out", of="path.toward")
    logged: tuple[LoggedLine, ...] = key("the rules that log which it passed")
