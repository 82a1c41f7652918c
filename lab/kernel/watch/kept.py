"""What a trace told while the rules of its node were exchanged, until it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from lab.kernel.watch.tracer import Overrun
from lab.record.path import Path

M = TypeVar("M")


@dataclass(slots=True)
class Kept(Generic[M]):
    """Paths that were told by the rules in force, and ``messages`` that the next rules tell; ``lost`` that some are missing."""

    paths: list[Path] = field(default_factory=list)
    messages: list[M] = field(default_factory=list)
    lost: bool = False

    def read_on(self, read: Callable[[], list[M]]) -> list[M]:
        """The messages, and what is read behind them; none where some were lost."""
        try:
            return self.messages + read()
        except Overrun:
            self.lost = True
            return []

    def whole(self) -> None:
        """Raise tracer.Overrun where some are missing."""
        if self.lost:
            raise Overrun
