"""The words of a rule line, quoted as iptables-save writes and iptables-restore reads them.

Only the double quote quotes.  A backslash escapes inside quotes and is itself outside them; the closing quote ends the
word, and a quote that is never closed runs to the end of the line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

# The quote that closes also ends the word; the second alternative of its end is a quote that is never closed.
_WORD = re.compile(r'[^ \t\n"]*"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^ \t\n"]+', re.DOTALL)
_QUOTED = re.compile(r'([^"]*)"((?:[^"\\]|\\.)*)', re.DOTALL)
_CLOSED = re.compile(r'[^"]*(?:"(?:[^"\\]|\\.)*"[^"]*)*', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
FREE_TEXT = frozenset(("--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string"))
"""Options of matches and targets whose value is any text, which may look like an option."""


class Word(NamedTuple):
    """A word's value, and where it stands in the line (``line[start:end]`` is the word with its quotes)."""

    value: str
    start: int
    end: int


def _value(raw: str) -> str:
    found = _QUOTED.match(raw)
    return raw if found is None else found[1] + _ESCAPE.sub(r"\1", found[2])


def words(line: str) -> list[str]:
    """The words of a line, without their quotes.

    >>> words('-A INPUT -m comment --comment "web shop" -j ACCEPT')[-3:]
    ['web shop', '-j', 'ACCEPT']
    """
    if not line.isascii():
        return [_value(raw) for raw in _WORD.findall(line)]
    if '"' not in line:
        return line.split()
    pieces = line.split('"')
    if len(pieces) % 2 == 0 or "\\" in line or any(piece[-1:] not in ("", " ", "\t") for piece in pieces[:-1:2]):
        return [_value(raw) for raw in _WORD.findall(line)]
    # Every quote encloses a whole word, as iptables-save prints it: several times faster than the pattern.
    found = pieces[0].split()
    for inside, after in zip(pieces[1::2], pieces[2::2], strict=True):
        found.append(inside)
        found += after.split()
    return found


def values_of(line: str, options: Collection[str]) -> Iterator[str]:
    """The word behind each of ``options``; what stands in a comment, or in other free text, is no option.

    >>> list(values_of('-m set --match-set seen src -m comment --comment "--match-set" -j DROP', {"--match-set"}))
    ['seen']
    """
    rest = iter(words(line))
    for word in rest:
        if word in FREE_TEXT:
            next(rest, None)
        elif word in options:
            yield from islice(rest, 1)


def placed_words(line: str) -> list[Word]:
    """The words of a line with their places in it.

    >>> placed_words("-A INPUT")
    [Word(value='-A', start=0, end=2), Word(value='INPUT', start=3, end=8)]
    """
    return [Word(_value(found[0]), found.start(), found.end()) for found in _WORD.finditer(line)]


def quote_is_open(line: str) -> bool:
    """Whether the line ends inside a quote: iptables takes all that follows the quote for one word."""
    return _CLOSED.fullmatch(line) is None


def quoted(value: str) -> str:
    """The value as iptables-save prints it: bare where it can be, else in double quotes with backslashes."""
    if _BARE.fullmatch(value):
        return value
    return '"' + re.sub(r"([\"'\\])", r"\\\1", value) + '"'
