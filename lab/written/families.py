"""Which families a user asks for."""

from __future__ import annotations

from enum import StrEnum


class FamilyChoice(StrEnum):
    """``--family``, and ``--lab-family`` of pytest."""

    FOUR = "4"
    SIX = "6"
    BOTH = "both"

    @property
    def families(self) -> tuple[int, ...]:
        """The families that are meant."""
        return (4, 6) if self is FamilyChoice.BOTH else (int(self),)
