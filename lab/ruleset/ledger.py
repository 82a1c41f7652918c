"""What each memory has been spent since it was fresh: pure bookkeeping, by what was read of traced packets.

>>> from lab.ruleset.memory import Kind
>>> limit = Memory("gateway", Kind.LIMIT, "ip", "filter", "FORWARD:3")
>>> ledger = Ledger({limit: 2}.__getitem__)
>>> before = ledger.snapshot()
>>> ledger.spend({(limit, None): 2})
>>> ledger.sound([limit], before), ledger.to_renew([limit]), ledger.room([limit])
(True, (Memory(node='gateway', kind=<Kind.LIMIT: 'limit'>, family='ip', table='filter', name='FORWARD:3'),), 0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from lab.ruleset.memory import BOUNDLESS, Memory

Touches = Mapping[tuple[Memory, str | None], int]
"""How many packets wrote a memory, by their source where that keeps them apart (else None)."""
Snapshot = Mapping[Memory, Mapping[str | None, int]]


class Ledger:
    """Begins with memories that are all fresh; ``budget_of`` says what each of them bears."""

    def __init__(self, budget_of: Callable[[Memory], int]) -> None:
        self._budget_of = budget_of
        self._spent: dict[Memory, dict[str | None, int]] = {}
        self._doubted: set[Memory] = set()

    def snapshot(self) -> Snapshot:
        """What was spent by now."""
        return {memory: dict(spent) for memory, spent in self._spent.items()}

    def spend(self, touches: Touches) -> None:
        """Write down what packets came to memories."""
        for (memory, source), count in touches.items():
            spent = self._spent.setdefault(memory, {})
            spent[source] = spent.get(source, 0) + count

    def doubt(self, memories: Iterable[Memory]) -> None:
        """It is not known what came to them."""
        self._doubted.update(memories)

    def renewed(self, memories: Iterable[Memory]) -> None:
        """They are fresh."""
        for memory in memories:
            self._spent.pop(memory, None)
            self._doubted.discard(memory)

    def to_renew(self, wanted: Iterable[Memory]) -> tuple[Memory, ...]:
        """Those in which no packet more may be sure to be treated as by a fresh one."""
        return tuple(memory for memory in wanted if memory in self._doubted or self._left(memory) < 1)

    def room(self, wanted: Sequence[Memory]) -> int:
        """How many packets may come to the one that bears least."""
        return min((0 if memory in self._doubted else self._left(memory) for memory in wanted), default=BOUNDLESS)

    def sound(self, wanted: Iterable[Memory], before: Snapshot, *, alone: bool = True, apart: bool = False) -> bool:
        """Whether what came since ``before`` was treated as each of the questions would be by fresh memories.

        It was where all is within the budget.  Where one question was asked ``alone``, also where nothing had come to a memory
        before: that is how a fresh one sees it.  So it is with each of several that were asked ``apart``, from sources of their
        own, where a memory keeps these apart.
        """
        return not any(
            memory in self._doubted or self._overdrawn(memory, before.get(memory, {}), alone=alone, apart=apart)
            for memory in wanted
        )

    def _overdrawn(self, memory: Memory, before: Mapping[str | None, int], *, alone: bool, apart: bool) -> bool:
        budget = self._budget_of(memory)
        for source, spent in self._spent.get(memory, {}).items():
            first = not before.get(source) and (alone or (apart and source is not None))
            if spent > before.get(source, 0) and spent > budget and not first:
                return True
        return False

    def _left(self, memory: Memory) -> int:
        spent = self._spent.get(memory)
        if not spent:
            return max(1, self._budget_of(memory))
        return self._budget_of(memory) - max(spent.values())
