"""Keys whose packets come to rules that remember: sent in parts that such rules bear, so that each is treated as the first.

All are sent at once to begin with: what came to no such rule is settled, whatever was remembered, and so is all where that was
within the budget.  The others are sent again, as many between one renewal and the next as the memories bear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from lab.record.path import Path
from lab.sweep.pieces import Piece, Sweeper

T = TypeVar("T")
Told = tuple[Piece, Sequence[int]]
"""A piece, and those of its keys that are settled by it."""


class Recall(Protocol):
    """Asks past memories: see `lab.fresh.Recall`."""

    def __bool__(self) -> bool:
        """Whether there are any."""

    def make_room(self) -> int:
        """Make fresh what bears no packet more; how many packets the memory bears that then bears least."""

    def attempt(
        self, measure: Callable[[], T], paths: Callable[[T], Iterable[Path] | None], *, many: bool, apart: bool
    ) -> tuple[T, bool]:
        """What is measured, and whether fresh memories would have given each of the questions the same.

        ``many`` tells that it is more than one question, ``apart`` that each has a source of its own.
        """

    def renew(self) -> None:
        """Make all memories fresh."""

    def came_to(self, paths: Iterable[Path]) -> bool:
        """Whether one of the packets came to a rule that reads a memory."""


class Past(NamedTuple):
    """What rules on the way of a sweep remember; ``of_first`` tells that the first packet of a key may come to some of it."""

    recall: Recall
    of_first: bool


def settled(sweeper: Sweeper, keys: Sequence[int], recall: Recall, *, apart: bool) -> Iterator[Told]:
    """Every key once, as fresh memories would have it; every packet is traced, answers too.

    ``apart`` tells that each key has a source of its own.
    """
    left: list[int] = []
    recall.make_room()
    pieces, sound = recall.attempt(partial(_traced, sweeper, keys), _paths, many=len(keys) > 1, apart=apart)
    for piece in pieces:
        if sound or piece.faults:
            yield piece, piece.keys
            continue
        came = _that_came(piece, recall)
        left += [key for key in piece.keys if key in came]
        yield piece, [key for key in piece.keys if key not in came]
    yield from _in_parts(sweeper, left, recall, apart=apart)


def _traced(sweeper: Sweeper, keys: Sequence[int]) -> list[Piece]:
    return list(sweeper.traced(keys))


def _in_parts(sweeper: Sweeper, keys: Sequence[int], recall: Recall, *, apart: bool) -> Iterator[Told]:
    done, each = 0, 1  # packets of one key that come to a memory, as far as is known
    while done < len(keys):
        sweeper.forget()  # what is sent once more must not meet its own flow
        part = keys[done : done + max(1, recall.make_room() // each)]
        pieces, sound = recall.attempt(partial(_traced, sweeper, part), _paths, many=len(part) > 1, apart=apart)
        faulty = [piece for piece in pieces if piece.faults]
        told = pieces if sound else faulty
        yield from ((piece, piece.keys) for piece in told)
        if sound:
            done += len(part)
        elif faulty:
            lost = {key for piece in faulty for key in piece.keys}
            keys, done = [key for key in keys[done:] if key not in lost], 0
        else:
            recall.renew()  # a part of one key is sound after that: nothing was spent before
            each *= 2


def _paths(pieces: Sequence[Piece]) -> list[Path] | None:
    """The paths of all packets; None where some were not told."""
    if any(piece.faults for piece in pieces):
        return None
    of_keys = [passage.path() for piece in pieces for met in piece.passages.values() for _, passage in met]
    return of_keys + [passage.path() for piece in pieces for passage in piece.others]


def _that_came(piece: Piece, recall: Recall) -> set[int]:
    """The keys of whose packets one came to a memory; all that were answered where an answer did, as it names no key."""
    came = {key for key, met in piece.passages.items() if recall.came_to([passage.path() for _, passage in met])}
    if recall.came_to([passage.path() for passage in piece.others]):
        came |= {*piece.arrived, *piece.refused}
    return came
