"""A window in which rules were changed, and what packets met meanwhile: a part of what a rehearsal writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.record import window
from lab.record.verdict import Kind
from lab.report.wire.document import key
from lab.report.wire.parts import Count, Many, Number, Rule
from lab.report.wire.writing import Written


@dataclass(frozen=True, kw_only=True)
class Run:
    """Packets one after the other that were in one state."""

    state: window.State = key("as before, as afterwards, or wrong: opened, refused, strayed")
    start_ms: float = key("when the first of them was sent, in milliseconds after T+0")
    end_ms: float = key("when the last of them was sent")
    packets: Count = key()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """New flows of one sender to one service, a packet for each."""

    name: str = key(of="stream.name")
    flow: str = key("source, destination and service", of=lambda one: str(one.stream))
    before: window.Fate = key("what all its packets met at rest before")
    after: window.Fate = key("and afterwards")
    packets: Count = key("those of the window", of=lambda one: one.packets())
    wrong: Count = key("of these, those that fared as neither", of=lambda one: one.packets(*window.WRONG))
    changed_ms: float | None = key("when the first was sent that fared as afterwards, where that differs")
    flaps: Count = key("how often it changed besides")
    runs: Many[Run] = key("the window from its beginning")


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A connection that was established before."""

    name: str = key()
    flow: str = key("source, destination and service")
    packets: Count = key("segments of the window, of both ends")
    lost: Count = key("those that did not arrive")
    stall_ms: Number = key("the longest time in which nothing of one end arrived")
    broken: bool = key("it went on before, and does not afterwards")
    before: Kind = key("the verdict of what it said at rest before", of="before.kind")
    after: Kind | None = key("and afterwards; null: it was reset", of=lambda flow: flow.after and flow.after.kind)
    proof: str = key("what that rests on", of=lambda flow: flow.after.proof if flow.after else "")
    rule: Rule | None = key("what stopped it", of=lambda flow: flow.after and flow.after.stopped_by)
    runs: Many[Run] = key("the window from its beginning")


@dataclass(frozen=True, kw_only=True)
class First:
    """The packet that was the first to be wrong."""

    name: str = key("of its stream")
    ms: float = key("when it was sent, in milliseconds after T+0")
    flow: str = key("source, destination and service")


@dataclass(frozen=True, kw_only=True)
class Total:
    """Packets of all streams that were wrong in one way."""

    packets: Count = key()
    ms: Number = key("from when the first of them was sent to the last")
    first: First | None = key()


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A named moment."""

    label: str = key()
    ms: float = key("after T+0")


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A stream of which nothing is said."""

    name: str = key()
    why: str = key()


def _moments(record: window.Window) -> Iterator[Written]:
    return ({"label": label, "ms": ms} for label, ms in record.moments)


def _asides(reasons: Mapping[str, str]) -> Iterator[Written]:
    return ({"name": name, "why": why} for name, why in reasons.items())


@dataclass(frozen=True, kw_only=True)
class Window:
    """What packets met that ran without pause while rules were changed."""

    at: str = key("the node whose rules were changed")
    ms: Number = key("from T+0 to the last packet before rest")
    pulses: Count = key("how often each stream sent")
    packets: Count = key("all that were sent in the window")
    gap_ms: Number = key("the longest time between two pulses: what was shorter may have gone unseen")
    opened: Total = key("denied before and afterwards, and got through")
    refused: Total = key("allowed before and afterwards, and did not get through")
    strayed: Total = key("got through to or from another address than before and afterwards")
    lost: Count = key("segments of established connections that did not arrive")
    streams: Many[Stream] = key("new flows")
    flows: Many[Flow] = key("connections that were established before")
    moments: Many[Moment] = key("what happened meanwhile", of=_moments)
    unsteady: Many[Aside] = key(
        "streams that fared otherwise from packet to packet at rest", of=lambda one: _asides(one.unsteady)
    )
    left_out: Many[Aside] = key("streams that were not sent", of=lambda one: _asides(one.left_out))
