"""What a witness is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Observation


class Witness:
    """Watches one flow from before its first packet; a class of this kind does the part of this that it needs.

    `attempt` alone makes it and calls it; no way of sending knows of it.
    """

    __slots__ = ()

    def __init__(self, stage: Stage, question: Question) -> None:
        """Arm it: nothing of the flow has been sent."""

    def read(self, seen: Sighting) -> None:
        """Write into ``seen`` what it saw: all that was to come has come, and the flow is not closed yet."""

    def forget(self, seen: Sighting) -> None:
        """Take away what the flow left, so that no later probe meets it: it is closed."""

    def disarm(self) -> None:
        """Let go of what it holds of its own, whatever happened."""


Reader: TypeAlias = Callable[[Observation], Observation]
"""Adds to what was seen what one witness of a closer look has seen."""

Armed: TypeAlias = Callable[[Stage, Question, str | None], AbstractContextManager[Reader]]
"""A witness of a closer look: armed while inside, for a question whose packet is seen to go to an address, None where that is
not known."""
