"""What a witness is: of one flow, or of a closer look."""

from __future__ import annotations

from operator import attrgetter
from typing import ClassVar

from lab.probe.question import Question
from lab.probe.sighting import Sighting
from lab.probe.stage import Stage
from lab.record.observation import Observation


class Witness:
    """Watches one flow from before its first packet; a class of this kind does the part of this that it needs.

    `attempt` alone makes it and calls it; no way of sending knows of it.  ``asked_by`` tells of a question whether it is needed
    (any truth will do), None of one that always is.
    """

    asked_by: ClassVar[attrgetter[object] | None] = None
    __slots__ = ()

    def __init__(self, stage: Stage, question: Question) -> None:
        """Arm it: nothing of the flow has been sent."""

    def begin(self) -> None:
        """Of a flow that is held open: a step begins, at rest, and what came before is none of it."""

    def read(self, seen: Sighting) -> None:
        """Write into ``seen`` what it saw: all that was to come has come, and the flow is not closed yet."""

    def forget(self, seen: Sighting) -> None:
        """Take away what the flow left, so that no later probe meets it: it is closed."""

    def disarm(self) -> None:
        """Let go of what it holds of its own, whatever happened."""


class Onlooker:
    """Watches a closer look at one question, however often it is sent; `attempt` alone makes it and calls it.

    ``destination`` is the address that the packet is seen to go to, None where that is not known.
    """

    __slots__ = ()

    def __init__(self, stage: Stage, question: Question, destination: str | None) -> None:
        """Arm it: nothing has been sent."""
        raise NotImplementedError

    def tell(self, found: Observation) -> Observation:
        """What was found, with what this one saw of it."""
        raise NotImplementedError

    def disarm(self) -> None:
        """Let go of what it holds of its own, whatever happened."""
