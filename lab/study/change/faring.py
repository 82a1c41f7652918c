"""How a live flow fares on the new side: cut, translated otherwise, newly open; and what the old side tells of the host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from lab.record.difference import Difference, SeenFlow
from lab.record.verdict import Kind, Verdict
from lab.study.change.boxes import Box, box_of, meets, one_flow
from lab.study.change.wanted import Wanted, counted
from lab.written.seen.live import LiveFlow

CUT, TRANSLATED, OPENED = "cut", "translated otherwise", "newly open"
_HOWS = (CUT, TRANSLATED, OPENED)


class Asked(NamedTuple):
    """A live flow with its verdict on either side."""

    wanted: Wanted
    old: Verdict
    new: Verdict

    @property
    def how(self) -> str | None:
        """How it fares otherwise on the new side; None where it does not."""
        before, after = _passes(self.old), _passes(self.new)
        if before != after:
            return CUT if before else OPENED
        return TRANSLATED if before and _sent_on(self.old, self.new) != _sent_on(self.new, self.old) else None


def otherwise(asked: Sequence[Asked]) -> list[tuple[Asked, SeenFlow]]:
    """Those that fare otherwise: what is cut first, of these the most frequent."""
    found = [
        (one, SeenFlow(how, f"{first.source} > {first.destination}", first.service, one.wanted.flows))
        for one in asked
        for first in (one.wanted.first,)
        if (how := one.how) is not None
    ]
    return sorted(found, key=lambda one: (_HOWS.index(one[1].how), -one[1].count))


class Class(NamedTuple):
    """The flows of a difference, and whether they were asked for."""

    family: int
    box: Box
    intended: bool


def classes_of(differences: Sequence[Difference]) -> list[Class]:
    """The classes of which the words are understood."""
    found: list[Class] = []
    for one in differences:
        with suppress(ValueError):
            found.append(Class(one.flow.family, box_of(one.of, one.flow.family), one.intended is not None))
    return found


def is_in(one: Wanted, classes: Sequence[Class], *, intended: bool = False) -> bool:
    """Whether a flow is in one of the classes, or in one that is ``intended``."""
    flow = one.first
    box = one_flow(flow.source, flow.destination, flow.service)
    return any(
        other.family == flow.family and meets(box, other.box) for other in classes if other.intended or not intended
    )


def of_the_host(asked: Sequence[Asked]) -> Iterator[str]:
    """What the real host did to a live flow and the old rules do not: these may not be that host's."""
    denied = [one.wanted for one in asked if not _passes(one.old) and any(flow.replied for flow in one.wanted.live)]
    if denied:
        many = counted(sum(one.flows for one in denied))
        yield f"answered on the real host, and denied here by the old rules: {many}, as {denied[0]}: are these its rules?"
    elsewhere = [one.wanted for one in asked if any(_translated_otherwise(flow, one.old) for flow in one.wanted.live)]
    if elsewhere:
        many = counted(sum(one.flows for one in elsewhere))
        yield f"translated otherwise on the real host than here by the old rules: {many}, as {elsewhere[0]}"


def _passes(verdict: Verdict) -> bool:
    """Whether a connection comes to its receiver and back; that nobody listens in the lab is not the rules' doing."""
    return verdict.kind in (Kind.ALLOWED, Kind.CLOSED)


def _sent_on(verdict: Verdict, other: Verdict) -> tuple[object, ...]:
    """From whom to whom a flow goes in the end, as far as both sides tell it."""
    if verdict.arrived is not None and other.arrived is not None:
        seen = verdict.arrived
        return seen.at, seen.address, seen.port, seen.source
    left = next((path.exit for path in reversed(verdict.path) if path.exit is not None), verdict.observation.sent)
    return left.source, left.destination, left.dport


def _translated_otherwise(flow: LiveFlow, old: Verdict) -> bool:
    seen = old.arrived
    if seen is None or not flow.replied or flow.answered_by is None or flow.answered_to is None:
        return False
    return (seen.address, seen.source) != (flow.answered_by, flow.answered_to)
