"""Denied keys that met the same rules, found by the rules' own counters in place of a trace of each.

If every counter of a node moved by a whole multiple of a piece's length, and one of its packets alone moves the same counters
by that multiple, all of them met what that one met.  Above all the rule that dropped them did: what a hook ate is counted too,
so each of them ended at a rule that drops, and no other such rule moved.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lab.record.sweep import Gear
from lab.sweep.pieces import Piece, Sweeper
from lab.verdict.swept import eater, of_each

SMALL = 64  # keys that are traced one by one sooner than counted
_Alike = dict[Hashable, list[int]]


@dataclass(slots=True)
class Sorted:
    """``alike`` maps a key to those that met what it meets; ``others`` have to be traced each; ``repeats`` as in `Sweep`."""

    alike: dict[int, list[int]] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)
    repeats: int = 0

    @property
    def to_trace(self) -> list[int]:
        """One key of each kind, and all others."""
        return sorted([*self.alike, *self.others])


def sort_by_rule(sweeper: Sweeper, keys: Sequence[int], heard: Callable[[], None] = lambda: None) -> Sorted:
    """Send the packets of ``keys`` until it is known which of them met the same rules; few are not worth it.

    ``heard`` is told of each piece.
    """
    if len(keys) <= SMALL:
        return Sorted(others=list(keys))
    found, alike = Sorted(), _Alike()
    with sweeper.counting(Gear.RULE) as counted, sweeper.silence():
        waiting = [keys]
        while waiting:
            for piece in counted(waiting.pop()):
                heard()
                found.repeats += piece.repeats
                waiting += _split(piece, alike, found.others)
            # what is sent once more must not meet what a node before the one that denied it knows of the flow
            sweeper.forget()
        for kind, members in alike.items():
            (piece,) = counted(members[:1])
            found.repeats += piece.repeats
            if _kind(piece) == kind:
                found.alike[members[0]] = members[1:]
            else:
                found.others += members
    return found


def _split(piece: Piece, alike: _Alike, others: list[int]) -> Iterator[Sequence[int]]:
    """The parts of a piece that are worth to be sent apart; what needs no more is put in its place."""
    if piece.faults:
        others += piece.keys
        return
    kind = _kind(piece)
    if kind is not None:
        alike.setdefault(kind, []).extend(piece.keys)
        return
    runs = [(fate, list(run)) for fate, run in groupby(piece.keys, key=lambda key: _fate(piece, key))]
    for fate, run in runs:
        if fate is None or len(run) <= SMALL:
            others += run
        elif len(runs) > 1:
            yield run
        else:
            half = len(run) // 2
            yield run[:half]
            yield run[half:]


def _fate(piece: Piece, key: int) -> Hashable:
    """What is seen of one packet without its rule: what its sender was told; None of one that is not denied for sure."""
    return None if key in piece.arrived else ("denied", piece.refused.get(key))


def _kind(piece: Piece) -> Hashable:
    """What one packet of the piece did to the counters of all nodes; None where its packets cannot have done the same."""
    told = {piece.refused.get(key) for key in piece.keys} if piece.refused else {None}
    if not piece.sound or piece.arrived or len(told) != 1 or eater(piece.counts, len(piece.keys)) is None:
        return None
    each = of_each(piece.counts, len(piece.keys))
    return each and (told.pop(), each)
