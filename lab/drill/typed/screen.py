"""What a terminal shows, so far as it takes to read the line that somebody edits: pure, and small.

It follows ECMA-48 as xterm does where shells use it: cursor movements, erasing, inserting and deleting characters, wrapping
with a pending wrap at the last column.  Colours, titles, margins and character sets change no text and are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

_MOST_ROWS = 500  # kept above the window; a line that is edited is never so long
_TOKEN = re.compile(
    r"\x1b\[(?P<csi>[0-?]*[ -/]*[@-~])"
    r"|\x1b\](?P<osc>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|\x1b[ -/]*(?P<esc>[0-~])"
    r"|(?P<control>[\x00-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
)
# the beginning of a sequence whose end has not come yet
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)?\Z")
_LONGEST = 4096


class Sign(Enum):
    """What a reader of the screen is told while it is written on."""

    LINE_ENDS = auto()
    """A line feed comes next: the line under the cursor stands as it was left."""


@dataclass(slots=True)
class _Row:
    chars: list[str] = field(default_factory=list)
    goes_on: bool = False
    """It went over the edge into the next row."""


class Screen:
    """A screen of ``width`` by ``height`` characters."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [_Row()]
        self._row = self._column = 0
        self._wraps = False
        self._away = False
        self._rest = ""
        self.resize(width, height)

    def resize(self, width: int, height: int) -> None:
        """Have another size; what is there stays where it is."""
        self._width, self._height = max(1, min(width, 2000)), max(1, min(height, 1000))

    def write(self, text: str) -> Iterator[Sign]:
        """Write what a program printed; yields a sign just before what it tells of is done."""
        text = self._rest + text
        cut = _UNFINISHED.search(text, max(0, len(text) - _LONGEST))
        self._rest = text[cut.start() :] if cut else ""
        for found in _TOKEN.finditer(text, 0, len(text) - len(self._rest)):
            yield from self._token(found)

    def line(self) -> str:
        """The line under the cursor, whole where it is longer than a row, without blanks at its end."""
        first = last = self._row
        while first > 0 and self._rows[first - 1].goes_on:
            first -= 1
        while last + 1 < len(self._rows) and self._rows[last].goes_on:
            last += 1
        return "".join("".join(row.chars) for row in self._rows[first : last + 1]).rstrip()

    def _token(self, found: re.Match[str]) -> Iterator[Sign]:
        kind, token = found.lastgroup, found[found.lastgroup] if found.lastgroup else ""
        if kind == "csi":
            self._control_sequence(token)
        elif self._away:
            return
        elif kind == "control":
            if token in "\n\v\f":
                yield Sign.LINE_ENDS
            self._control(token)
        elif kind == "text":
            for char in token:
                self._put(char)
        elif kind == "esc" and token == "M":
            self._move(self._row - 1, self._column)

    def _put(self, char: str) -> None:
        if self._wraps:
            self._rows[self._row].goes_on = True
            self._move(self._row + 1, 0)
        chars = self._rows[self._row].chars
        chars.extend(" " * (self._column + 1 - len(chars)))
        chars[self._column] = char
        self._wraps = self._column + 1 >= self._width
        if not self._wraps:
            self._column += 1

    def _control(self, char: str) -> None:
        if char in "\n\v\f":
            self._rows[self._row].goes_on = False
            self._move(self._row + 1, self._column)
        elif char == "\r":
            self._move(self._row, 0)
        elif char == "\b":
            self._move(self._row, self._column - 1)
        elif char == "\t":
            self._move(self._row, (self._column // 8 + 1) * 8)

    def _move(self, row: int, column: int) -> None:
        """Put the cursor there, within the screen; below its last row there is always one more."""
        self._wraps = False
        self._row, self._column = max(0, row), max(0, min(column, self._width - 1))
        while self._row >= len(self._rows):
            self._rows.append(_Row())
        if len(self._rows) > _MOST_ROWS + self._height:
            gone = len(self._rows) - _MOST_ROWS
            del self._rows[:gone]
            self._row = max(0, self._row - gone)

    def _control_sequence(self, token: str) -> None:
        words, final = token[:-1], token[-1]
        if words.startswith("?"):
            if final in "hl" and {"47", "1047", "1049"} & set(words[1:].split(";")):
                self._away = final == "h"  # a pager or an editor has a screen of its own
            return
        if self._away or words[:1] in ("<", "=", ">"):
            return
        numbers = [int(word[:5]) if word.isdigit() else 0 for word in words.split(";")]
        self._obey(final, numbers[0], numbers[1] if len(numbers) > 1 else 0)

    def _obey(self, final: str, first: int, second: int) -> None:
        count, top = min(max(first, 1), 4096), max(0, len(self._rows) - self._height)
        row, column = self._row, self._column
        match final:
            case "A" | "F":
                self._move(max(row - count, top), 0 if final == "F" else column)
            case "B" | "E":
                self._move(min(row + count, top + self._height - 1), 0 if final == "E" else column)
            case "C":
                self._move(row, column + count)
            case "D":
                self._move(row, column - count)
            case "G" | "`":
                self._move(row, count - 1)
            case "d":
                self._move(top + min(count, self._height) - 1, column)
            case "H" | "f":
                self._move(top + min(count, self._height) - 1, max(second, 1) - 1)
            case "J" | "K":
                self._erase(final, first)
            case "P" | "X" | "@":
                self._shift(final, count)

    def _erase(self, final: str, how: int) -> None:
        row = self._rows[self._row]
        if how == 0:
            del row.chars[self._column :]
            row.goes_on = False
        elif how == 1:
            row.chars[: self._column + 1] = " " * min(self._column + 1, len(row.chars))
        else:
            row.chars.clear()
            row.goes_on = False
        if final == "J" and how == 0:
            del self._rows[self._row + 1 :]
        elif final == "J" and how in (2, 3):
            self._rows[:] = [_Row() for _ in range(self._row + 1)]
        self._wraps = False

    def _shift(self, final: str, count: int) -> None:
        chars, at = self._rows[self._row].chars, self._column
        if final == "P":
            del chars[at : at + count]
        elif final == "X":
            chars[at : at + count] = " " * len(chars[at : at + count])
        else:
            chars[at:at] = " " * count
            del chars[self._width :]
        self._wraps = False
