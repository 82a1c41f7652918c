"""A recorded terminal: what was shown and what was typed, and when, in the form of asciicast v2.

The form is that of asciinema (docs.asciinema.org/manual/asciicast/v2): one JSON object as a header, then one JSON array a line,
``[seconds since the start, kind, text]``; ``o`` was shown, ``i`` typed, ``r`` a new size (``80x24``), ``m`` a marker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

LAB, NODE = "LAB", "NODE"
"""The keys of the header's ``env`` that say where the terminal was."""


class CastKind(StrEnum):
    """What an event of a recording is."""

    SHOWN = "o"
    TYPED = "i"
    RESIZED = "r"
    MARKED = "m"


class CastEvent(NamedTuple):
    """One event, ``seconds`` after the recording began."""

    seconds: float
    kind: CastKind
    text: str

    def to_line(self) -> str:
        """The event as the file has it, with its line break."""
        return json.dumps([round(self.seconds, 6), str(self.kind), self.text], ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class CastHeader:
    """What a recording begins with: the size in characters, ``timestamp`` in seconds since the epoch when it began."""

    width: int
    height: int
    timestamp: float
    title: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def node(self) -> str:
        """The node that the terminal was at, empty where the recording does not say."""
        return self.env.get(NODE, "")

    def to_line(self) -> str:
        """The header as the file has it, with its line break; a whole number of seconds, as players want it."""
        told = {
            "version": 2, "width": self.width, "height": self.height, "timestamp": int(self.timestamp), "title": self.title,
            "env": dict(self.env),
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Cast:
    """A recording: ``name`` is its file's."""

    name: str
    header: CastHeader
    events: tuple[CastEvent, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.events[-1].seconds if self.events else 0.0


def read_cast(name: str, lines: Iterable[str]) -> Cast | None:
    """The recording that ``lines`` hold; None where they do not begin as one.

    What cannot be read is passed over: a recorder that was killed leaves half a line, and a file may be of another's making.
    """
    each = iter(lines)
    header = _header(next(each, ""))
    if header is None:
        return None
    return Cast(name, header, tuple(event for line in each if (event := _event(line)) is not None))


def _header(line: str) -> CastHeader | None:
    told = _json(line)
    if not isinstance(told, dict) or told.get("version") != 2:
        return None
    env = told.get("env")
    return CastHeader(
        width=_number(told.get("width"), 80), height=_number(told.get("height"), 24),
        timestamp=float(_number(told.get("timestamp"), 0)), title=str(told.get("title") or ""),
        env={str(key): str(value) for key, value in env.items()} if isinstance(env, dict) else {},
    )  # fmt: skip


def _event(line: str) -> CastEvent | None:
    match _json(line):
        case [int() | float() as seconds, str() as kind, str() as text] if kind in set(CastKind) and 0 <= seconds < 1e9:
            return CastEvent(float(seconds), CastKind(kind), text)
        case _:
            return None


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _number(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < 1 << 40 else otherwise


def size_of(text: str) -> tuple[int, int] | None:
    """Columns and rows of ``80x24``; None where it is no size."""
    columns, _, rows = text.partition("x")
    if not (columns.isascii() and columns.isdigit() and rows.isascii() and rows.isdigit()):
        return None
    return int(columns[:6]), int(rows[:6])
