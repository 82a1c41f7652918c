"""Whether what a team says is the cause is right: its place, its kind, or both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from lab.errors import InputError, Problem
from lab.written.drill_places import FAULT_KINDS, place_of
from lab.written.messages import did_you_mean


class Cause(Protocol):
    """What is wrong in a drill: its ``places`` (``gateway filter:FORWARD``), and its ``kind`` of the one list of all drills."""

    @property
    def places(self) -> Sequence[str]:
        """Each that is right: the node, and what of it."""

    @property
    def kind(self) -> str:
        """The word for what is wrong there."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How right an answer is; ``found`` is the number, from 0, of the cause that it names, None where it names none."""

    place: bool
    kind: bool
    found: int | None

    def __str__(self) -> str:
        """In words, which tell nothing that was not said."""
        if self.found is not None:
            return "right: the place and the kind"
        if self.place and self.kind:
            return "the place is right, and so is the kind, but they do not belong together"
        if self.place:
            return "the place is right, the kind is not"
        return "the kind is right, the place is not" if self.kind else "neither the place nor the kind is right"


def read_answer(words: Sequence[str]) -> tuple[str, str]:
    """The place and the kind of what was typed (``gateway filter:forward missing-accept``); raises InputError.

    >>> read_answer(["gateway", "FILTER:forward", "missing-accept"])
    ('gateway filter:FORWARD', 'missing-accept')
    """
    if len(words) < 2:
        what = "an answer is a place and a kind: gateway filter:FORWARD missing-accept"
        raise InputError(Problem(what, mend="`lab drill answer NAME --kinds` lists the kinds"))
    *place, kind = words
    if kind not in FAULT_KINDS:
        raise InputError(Problem(f"{kind!r} is no kind of cause", mend=did_you_mean(kind, FAULT_KINDS, "the kinds")))
    try:
        return str(place_of(" ".join(place))), kind
    except ValueError as error:
        what, _, mend = str(error).partition("\n")
        raise InputError(Problem(what, mend=mend)) from None


def judge(place: str, kind: str, causes: Sequence[Cause], found: Collection[int] = ()) -> Judged:
    """How right an answer is; the causes that were ``found`` already (by number) are no answer any more.

    >>> from types import SimpleNamespace
    >>> judge("gateway filter:FORWARD", "shadowed", [SimpleNamespace(places=["gateway filter:FORWARD"], kind="missing-nat")])
    Judged(place=True, kind=False, found=None)
    """
    left = [number for number in range(len(causes)) if number not in found]
    places = {number for number in left if place in causes[number].places}
    kinds = {number for number in left if causes[number].kind == kind}
    return Judged(bool(places), bool(kinds), min(places & kinds, default=None))
