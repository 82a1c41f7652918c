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
