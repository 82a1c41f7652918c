"""What a drill came to, told afterwards: who did what when, what it broke on the way, and which row would have caught it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Purpose(StrEnum):
    """What a command is for, as far as its words say."""

    LOOK = "look"
    CHANGE = "change"
    OTHER = "other"


class Command(NamedTuple):
    """A command line as it was typed at ``node``, ``at`` seconds since the epoch."""

    at: float
    node: str
    line: str


class Subject(StrEnum):
    """What of a node was changed."""

    RULES = "rules"
    ROUTE = "route"
    RULE = "routing rule"
    ADDRESS = "address"
    LINK = "link"
    OVERRUN = "overrun"
    """More changed than could be told: from here on the summaries are those of the whole."""


class NodeChange(NamedTuple):
    """Something of ``node`` that was changed, ``at`` seconds since the epoch.

    ``process`` is the name and ``pid`` the number of who did it, as the kernel told; empty and 0 where it tells nothing.
    ``words`` are one line for each thing: ``+ filter FORWARD: -p tcp --dport 443 -j ACCEPT``.
    """

    at: float
    node: str
    what: Subject
    process: str
    words: tuple[str, ...]
    pid: int = 0

    def to_line(self) -> str:
        """The change as a file has it, one JSON object a line, with its line break."""
        return json.dumps({**self._asdict(), "what": str(self.what)}, ensure_ascii=False) + "\n"


def read_changes(lines: Iterable[str]) -> tuple[NodeChange, ...]:
    """The changes that ``lines`` hold; what cannot be read, such as half a line, is passed over."""
    found = []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            words = tuple(map(str, told["words"]))
            what = Subject(told["what"])
            found.append(NodeChange(float(told["at"]), told["node"], what, told["process"], words, int(told["pid"])))
    return tuple(found)


class Moment(NamedTuple):
    """One line of a timeline: ``at`` seconds since the epoch, ``what`` it was (``hint``, ``typed``, ``rules``), and where.

    ``good`` tells whether it was as it should be; None where it is neither.
    """

    at: float
    what: str
    node: str
    text: str
    good: bool | None = None


class Broken(NamedTuple):
    """A cell that must have stayed green and was seen red: since when, and since when it was green again, if it was."""

    cell: str
    at: float
    mended: float | None = None


class Guess(NamedTuple):
    """An answer of the team, what of it was right, and whether all of it was, together."""

    at: float
    place: str
    kind: str
    place_right: bool
    kind_right: bool
    right: bool


class Recording(NamedTuple):
    """A recorded terminal: its file, where it was, when it began (seconds since the epoch), and how long it is (seconds)."""

    file: str
    node: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the start to the first right answer, until contained, until all was green; None where it never was."""

    diagnosed: float | None = None
    contained: float | None = None
    fixed: float | None = None


class Improvement(NamedTuple):
    """What is to be better next time, ``of`` the runbook, hygiene, or monitoring; empty where the drill says nothing."""

    of: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Debrief:
    """A drill as an after-action report tells it; times are seconds since the epoch.

    ``page`` is what the team was told at first, ``answers`` what it said the cause is, ``causes`` each right answer, ``cause``
    all of it in a sentence, ``fix`` what the reference types, ``caught_by`` a whole matrix as YAML with the row that would have
    caught it.  ``steps`` are the team's first diagnostic commands, ``reference`` those of the drill; ``changes_before`` how many
    commands that change something the team gave before the last of its own.  ``contained_with`` are such commands that were
    given until it was contained, ``contained_by`` what the drill says of that.
    """

    drill: str
    about: str
    seed: int
    level: int
    team: str
    started: float
    ended: float | None
    page: str
    values: Mapping[str, str] = field(default_factory=dict)
    times: Times = Times()
    fouls: tuple[str, ...] = ()
    timeline: tuple[Moment, ...] = ()
    steps: tuple[Command, ...] = ()
    reference: tuple[str, ...] = ()
    changes_before: int = 0
    answers: tuple[Guess, ...] = ()
    hints: int = 0
    revealed: bool = False
    broken: tuple[Broken, ...] = ()
    contained_with: tuple[Command, ...] = ()
    contained_by: str = ""
    causes: tuple[str, ...] = ()
    cause: str = ""
    fix: tuple[str, ...] = ()
    long_term: str = ""
    failure: str = ""
    improvements: tuple[Improvement, ...] = ()
    caught_by: str = ""
    recordings: tuple[Recording, ...] = ()
