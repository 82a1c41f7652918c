"""The options that a rule's line may hold: what makes rules.

`iptables-restore` takes each line for a command line of its own and hands it to getopt_long(3), so ``-M PROGRAM`` runs a
program, ``-h`` ends the load with success, and ``--modp`` or ``-fM`` are as good as ``-M``.  Of the options of iptables
itself (1.8.7 to 1.8.11: ``OPTSTRING_COMMON``, ``original_opts``) those below are allowed, no others; those of matches and
targets are, but for one that opens a file of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.ruleset.forbidden import Refused, long_lines
from lab.ruleset.words import FREE_TEXT, placed_words

MAX_LINE_BYTES = 10_239  # a longer line is cut, and what is behind the cut is a line of its own (fgets into 10,240 bytes)

_WITH_VALUE = frozenset("ADEINPRcdgijmops")
_WITH_OR_WITHOUT = frozenset("FXZ")  # a value only if it is glued on
_FLAGS = frozenset("46fv")
_LONG_WITH_VALUE = frozenset((
    "append", "delete", "insert", "replace", "new-chain", "rename-chain", "policy", "source", "destination", "src", "dst",
    "protocol", "in-interface", "out-interface", "jump", "goto", "match", "set-counters",
))  # fmt: skip
_LONG_WITHOUT = frozenset(("flush", "zero", "delete-chain", "fragments", "verbose", "ipv4", "ipv6"))
_RUNS, _ENDS, _PRINTS = "has iptables run a program", "ends the load there, as if all were loaded", "prints, and makes no rule"
_TABLE = "names a table, which the line with * above does"
_REFUSED = {
    "modprobe": _RUNS, "help": _ENDS, "version": _ENDS, "list": _PRINTS, "list-rules": _PRINTS, "line-numbers": _PRINTS,
    "numeric": _PRINTS, "exact": _PRINTS, "check": "asks, and makes no rule", "table": _TABLE,
    "wait": "is about a lock, and makes no rule", "wait-interval": "is about a lock, and makes no rule",
    "object-pinned": "opens a file of the machine",
}  # fmt: skip
_LETTERS = {
    "M": _RUNS, "h": _ENDS, "V": _ENDS, "L": _PRINTS, "S": _PRINTS, "n": _PRINTS, "x": _PRINTS,
    "C": _REFUSED["check"], "t": _TABLE, "w": _REFUSED["wait"], "W": _REFUSED["wait"],
}  # fmt: skip
_NO_OPTION = "is no option that makes rules"
_MEND = "take it out: a ruleset holds what iptables-save prints"


def _nested(word: str) -> str:
    """A pattern of a word and of every beginning of it."""
    return word[0] + "".join(f"(?:{re.escape(letter)}" for letter in word[1:]) + ")?" * (len(word) - 1)


_SHORT = "".join(sorted(_WITH_VALUE | _WITH_OR_WITHOUT | _FLAGS))
# What is plainly harmless, whatever stands before and behind it.
_PLAIN = re.compile(
    rf"-(?:[{_SHORT}]|-(?!(?:{'|'.join(map(_nested, _REFUSED))})(?![a-z0-9-]))[a-z][a-z0-9-]*(?:=.*)?)?", re.DOTALL
)
# A quote, a bracket or a backslash may stand before the first letter of a word.
_BEFORE_DASH = ('"-', "]-", "\\-")


def refused(text: str) -> Iterator[Refused]:
    """The lines of a ruleset that hold what makes no rule, and those that iptables-restore would cut in two."""
    lines = text.split("\n")
    yield from long_lines(lines, MAX_LINE_BYTES, "iptables-restore")
    if not _is_suspect(text):
        return
    for number, line in enumerate(lines, start=1):
        if line[:1] not in ("", "#") and _is_suspect(line) and (wrong := _wrong(line)) is not None:
            yield Refused(number, f"`{wrong[0]}` {wrong[1]}", _MEND)


def _is_suspect(text: str) -> bool:
    """Whether a dash may begin a word that is not plainly harmless."""
    if any(before in text for before in _BEFORE_DASH):
        return True
    return any(word[0] == "-" and _PLAIN.fullmatch(word) is None for word in set(text.split()))


def _wrong(line: str) -> tuple[str, str] | None:
    """The first word that is not allowed, and why; the words are read as getopt_long reads them."""
    rule = line.partition("]")[2] if line[0] == "[" else line
    words = iter([word.value for word in placed_words(rule)])
    for word in words:
        if word == "--":
            break  # no option comes behind it
        if word[:1] != "-" or word == "-":
            continue
        option, given, _ = word[2:].partition("=")
        if word[1] != "-":
            why, takes_next = _short(word[1:])
        elif option in _LONG_WITH_VALUE or f"--{option}" in FREE_TEXT:
            why, takes_next = None, not given
        elif option in _LONG_WITHOUT:
            why, takes_next = None, False
        else:
            why, takes_next = _refusal_of(option), False
        if why is not None:
            return word, why
        if takes_next:
            next(words, None)
    return None


def _refusal_of(option: str) -> str | None:
    """Why a long option is refused, or one that it may be short for."""
    return next((why for name, why in _REFUSED.items() if name.startswith(option)), None)


def _short(letters: str) -> tuple[str | None, bool]:
    """Why a word of one dash is refused, None if it is not, and whether the next word is its value."""
    if letters.isdecimal():
        return None, False  # a number, or the flags 4 and 6
    for place, letter in enumerate(letters, start=1):
        if letter in _WITH_VALUE:
            return None, place == len(letters)
        if letter in _WITH_OR_WITHOUT:
            break
        if letter not in _FLAGS:
            return _LETTERS.get(letter, _NO_OPTION), False
    return None, False
