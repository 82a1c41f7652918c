"""What happened in a drill: the events of its journal, of which its status and its debrief are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What an event of a drill is about."""

    STARTED = "started"
    HINT = "hint"
    ANSWER = "answer"
    CHECK = "check"
    CONTAIN = "contain"
    INJECT = "inject"
    REVEALED = "revealed"
    COMMAND = "command"
    RULES_CHANGED = "rules-changed"
    REBOOTED = "rebooted"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ``at`` is seconds since the epoch, ``text`` a sentence, ``data`` what programs read of it.

    >>> Event(1.5, EventKind("rules-changed")).kind.name
    'RULES_CHANGED'
    """

    at: float
    kind: EventKind
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedDrill:
    """A drill as a list of them tells it; ``minutes`` is how long it takes, ``file`` where it is written."""

    name: str
    about: str
    level: int
    roles: tuple[str, ...]
    minutes: int
    seeds: tuple[int, ...]
    file: str


@dataclass(frozen=True, slots=True)
class DrillList:
    """The drills that there are, and what is wrong with files that are none (sentences)."""

    drills: tuple[ListedDrill, ...]
    problems: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 where a file is wrong."""
        return 2 if self.problems else 0
