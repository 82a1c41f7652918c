"""Whether what a team says is the cause is right: its place, its kind, or both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol


_OF_FILTER = frozenset(("input", "forward", "output"))


class Cause(Protocol):
    """What is wrong in a drill: the ``place`` (``gateway filter:FORWARD``), and its ``kind`` of the one list of all drills."""

    @property
    def place(self) -> str:
        """The node, and what of it."""

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


def judge(place: str, kind: str, causes: Sequence[Cause], found: Collection[int] = ()) -> Judged:
    """How right an answer is; the causes that were ``found`` already (by number) are no answer any more.

    >>> from types import SimpleNamespace
    >>> judge("gateway FORWARD", "shadowed", [SimpleNamespace(place="gateway filter:FORWARD", kind="missing-accept")])
    Judged(place=True, kind=False, found=None)
    """
    left = [number for number in range(len(causes)) if number not in found]
    said = normal(place)
    places = {number for number in left if normal(causes[number].place) == said}
    kinds = {number for number in left if causes[number].kind == kind}
    return Judged(bool(places), bool(kinds), min(places & kinds, default=None))


def normal(place: str) -> str:
    """A place however it is written: a chain without its table is one of the filter table's.

    >>> normal("Gateway  forward"), normal("gateway nat:PREROUTING"), normal("gateway eth1")
    ('gateway filter:forward', 'gateway nat:prerouting', 'gateway eth1')
    """
    words = place.casefold().split()
    return " ".join((*words[:1], *(f"filter:{word}" if word in _OF_FILTER else word for word in words[1:])))


def left_over(causes: Iterable[Cause], found: Collection[int]) -> int:
    """How many causes nobody has named yet."""
    return sum(number not in found for number, _ in enumerate(causes))
