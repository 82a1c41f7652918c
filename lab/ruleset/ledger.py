"""What each memory has spent since it was fresh, and whether that changed what was measured meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from lab.ruleset.memory import BOUNDLESS, Memory

Key = tuple[Memory, str | None]
"""A memory, and the source address whose part of it is meant; None where it is not by source."""

_KEPT = 100_000  # entries of the book; older ones are let go when a snapshot is taken


class Snapshot(NamedTuple):
    """How far the ledger's book was written at one moment."""

    entries: int


class _Entry(NamedTuple):
    """A packet or more that came to a memory: what it had spent before, and after; None for a doubt."""

    key: Key
    before: int
    after: int | None


class Ledger:
    """Counts what packets changed of each memory; ``budget_of`` tells how many one bears.

    >>> from lab.ruleset.memory import Kind
    >>> syn = Memory("gateway", Kind.LIMIT, "ip", "filter", "INPUT:3")
    >>> ledger = Ledger(lambda memory: 2)
    >>> before = ledger.snapshot()
    >>> ledger.spend({(syn, None): 1})
    >>> ledger.room([syn]), ledger.sound([syn], before), ledger.to_renew([syn])
    (1, True, ())
    >>> ledger.spend({(syn, None): 2})
    >>> ledger.to_renew([syn])[0].name
    'INPUT:3'
    """

    def __init__(self, budget_of: Callable[[Memory], int]) -> None:
        self._budget_of = budget_of
        self._spent: dict[Memory, dict[str | None, int]] = {}
        self._doubted: set[Memory] = set()
        self._book: list[_Entry] = []
        self._let_go = 0

    def snapshot(self) -> Snapshot:
        """This moment, from which `sound` is to judge."""
        if len(self._book) > _KEPT:
            self._let_go += len(self._book)
            self._book.clear()
        return Snapshot(self._let_go + len(self._book))

    def spend(self, touches: Mapping[Key, int]) -> None:
        """Packets came to these memories so many times; 0 where they only asked it."""
        for key, count in touches.items():
            memory, source = key
            parts = self._spent.setdefault(memory, {})
            before = parts.get(source, 0)
            parts[source] = before + count
            self._book.append(_Entry(key, before, before + count))

    def doubt(self, memories: Iterable[Memory]) -> None:
        """It is not known what these have spent, until they are renewed."""
        for memory in memories:
            self._doubted.add(memory)
            self._book.append(_Entry((memory, None), 0, None))

    def renewed(self, memories: Iterable[Memory]) -> None:
        """These are fresh."""
        for memory in memories:
            self._doubted.discard(memory)
            self._spent.pop(memory, None)

    def to_renew(self, wanted: Iterable[Memory], sources: Collection[str] | None = None) -> tuple[Memory, ...]:
        """Those that are in doubt, or have no room for one more packet; ``sources`` are its addresses, None for any."""
        return tuple(memory for memory in wanted if memory in self._doubted or self._room(memory, sources) < 1)

    def room(self, wanted: Iterable[Memory], sources: Collection[str] | None = None) -> int:
        """How many packets more all of them bear; `BOUNDLESS` where there is none.  One that is fresh bears one at least."""
        return min((0 if one in self._doubted else self._room(one, sources) for one in wanted), default=BOUNDLESS)

    def _room(self, memory: Memory, sources: Collection[str] | None) -> int:
        parts = self._spent.get(memory, {})
        theirs = (count for source, count in parts.items() if sources is None or source is None or source in sources)
        spent = max(theirs, default=0)
        left = self._budget_of(memory) - spent
        return max(left, 1) if spent == 0 else left

    def sound(self, wanted: Iterable[Memory], before: Snapshot, *, many: bool = False, apart: bool = False) -> bool:
        """Whether what was measured since ``before`` is what fresh memories would have given.

        Each of them, by source where it is so, was unspent when a packet first came to it, or is within its budget still.
        With ``many`` more than one question was asked, and each has to be within the budget; but for what is by source where
        they were asked ``apart``, each from a source of its own.
        """
        start = before.entries - self._let_go
        memories = frozenset(wanted)
        if not memories.isdisjoint(self._doubted) or start < 0:
            return False
        unspent: dict[Key, bool] = {}
        last: dict[Key, int] = {}
        for key, earlier, after in self._book[start:]:
            if key[0] not in memories:
                continue
            if after is None:
                return False
            if key not in unspent or earlier < last[key]:  # the first, or it was renewed meanwhile
                unspent[key] = earlier == 0
            last[key] = after
            one = not many or (apart and key[1] is not None)
            if not (one and unspent[key]) and after > self._budget_of(key[0]):
                return False
        return True
