"""The words of a rule line, quoted as iptables-save writes and iptables-restore reads them.

Only the double quote quotes.  A backslash escapes inside quotes and is itself outside them; a quote that is never
closed runs to the end of the line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# A word is a run of quoted and bare pieces.  The last alternative is a quote without its end.
_WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*\\?\Z)+', re.DOTALL)
_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|"((?:[^"\\]|\\.)*\\?)\Z|([^"]+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


class Word(NamedTuple):
    """A word's value, and where it stands in the line (``line[start:end]`` is the word with its quotes)."""

    value: str
    start: int
    end: int


def _value(raw: str) -> str:
    if '"' not in raw:
        return raw
    pieces = []
    for quoted, unclosed, bare in _PIECE.findall(raw):
        pieces.append(bare or _ESCAPE.sub(r"\1", quoted or unclosed))
    return "".join(pieces)


def words(line: str) -> list[str]:
    """The words of a line, without their quotes."""
    if '"' not in line:
        return line.split()
    return [_value(raw) for raw in _WORD.findall(line)]


def placed_words(line: str) -> list[Word]:
    """The words of a line with their places in it."""
    return [Word(_value(found[0]), found.start(), found.end()) for found in _WORD.finditer(line)]


def quote_is_open(line: str) -> bool:
    """Whether the line ends inside a quote: iptables takes all that follows the quote for one word."""
    if '"' not in line:
        return False
    return any(raw.count('"') and _PIECE.findall(raw)[-1][1] != "" or raw.endswith('"') and _opens(raw)
               for raw in _WORD.findall(line)[-1:])


def _opens(raw: str) -> bool:
    closed = re.compile(r'(?:[^"]|"(?:[^"\\]|\\.)*")*\Z', re.DOTALL)
    return closed.match(raw) is None


def quoted(value: str) -> str:
    """The value as iptables-save prints it: bare where it can be, else in double quotes with backslashes."""
    if _BARE.match(value):
        return value
    return '"' + re.sub(r"([\"'\\])", r"\\\1", value) + '"'
