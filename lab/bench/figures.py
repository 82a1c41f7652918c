"""What a measurement is given and what it gives."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count, takewhile

Figures = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: ``runs`` of each whole thing, ``probes`` of each kind; ``quick`` leaves out what is large."""

    runs: int = 5
    probes: int = 3000
    quick: bool = False

    def few(self, most: int) -> int:
        """As many runs as asked for, and at most ``most``: for what takes seconds."""
        return max(1, min(self.runs, most))

    def up_to(self, sizes: tuple[int, ...], quick: int) -> tuple[int, ...]:
        """The sizes to measure at; those above ``quick`` are left out of a quick measurement."""
        return tuple(size for size in sizes if not self.quick or size <= quick)


@dataclass(frozen=True, slots=True)
class Found:
    """Figures by the keys of `lab schema bench`, None for what cannot be measured here, and notes that say why."""

    figures: Figures
    notes: tuple[str, ...] = ()


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(work: Callable[[], object], runs: int) -> float:
    """The median of ``runs`` measurements, in seconds."""
    return statistics.median(seconds(work) for _ in range(runs))


def merged(one: Figures, other: Figures) -> dict[str, object]:
    """Both, what is nested in both merged likewise; where both have a figure, the second's unless that is None."""
    both = dict(one)
    for key, value in other.items():
        there = both.get(key)
        if isinstance(there, Mapping) and isinstance(value, Mapping):
            both[key] = merged(there, value)
        elif value is not None or there is None:
            both[key] = value
    return both


def growing(first: int, last: int, factor: int = 10) -> tuple[int, ...]:
    """``first``, ``first * factor`` and so on, up to ``last``."""
    return tuple(takewhile(lambda size: size <= last, (first * factor**power for power in count())))
