"""Collecting what is wrong with a matrix, so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lab.errors import Problem, Where

T = TypeVar("T")


class Problems:
    """The problems found so far, each once: what is wrong in both families is told once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def tell(self, what: str, where: Where | None, mend: str = "") -> None:
        """One more thing that is wrong."""
        self._found[Problem(what, where, mend)] = None

    def __len__(self) -> int:
        return len(self._found)

    @property
    def found(self) -> list[Problem]:
        """All of them, in the order that they were told."""
        return list(self._found)

    def tried(self, attempt: Callable[[], T], where: Callable[[], Where | None] | None) -> T | None:
        """What the attempt gives; None where it raises a ValueError, whose second line says how to mend it.

        ``where`` finds the place that it is told at, which most attempts never need.
        """
        try:
            return attempt()
        except ValueError as error:
            what, _, mend = str(error).partition("\n")
            if what:
                self.tell(what, None if where is None else where(), mend)
            return None
