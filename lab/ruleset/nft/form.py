"""Whether a text has the form of an nft script: what nft refuses, whatever machine it runs on."""

from __future__ import annotations

import re

from lab.ruleset.foreign import EXCERPT, LIST, RUN_NFT, SAVE, foreign, is_excerpt, is_shell_script, quoted
from lab.ruleset.form import Fault
from lab.ruleset.nft.tokens import FRAGMENT, TOKEN

# No statement of a script begins with these; `$` only stands for what is defined, behind a word.
_OF_IPTABLES = re.compile(r"\bxt\s+(?:match|target)\s+\Z")
_SAVED = "take what `iptables-save` (and `ip6tables-save`) prints, and give it as the policy's `v4` (and `v6`)"
_JUNK = re.compile(r"[^A-Za-z_.\\\"]")


def faults(text: str) -> tuple[Fault, ...]:
    """The first thing for which nft refuses a script that has its blocks and statements otherwise than a script.

    >>> [fault.what for fault in faults("table inet filter { chain input {")]
    ['a `{` is opened here, and never closed']
    """
    lines = text.split("\n")
    line, depth, begun = 1, 0, False
    opened: list[int] = []
    for token in TOKEN.findall(text):
        first = token[0]
        if token == '"':
            return (Fault(line, "a quote is opened here, and never closed", 'close it with `"`'),)
        if first in "\n;":
            begun = begun and bool(depth)
        elif first == "{":
            if not depth and not begun:
                return (_at(lines, line),)
            depth += 1
            opened.append(line)
        elif first == "}":
            if not depth:
                return (Fault(line, "a `}` closes what nothing has opened", "take it out, or open a `{` before it"),)
            depth -= 1
            opened.pop()
            begun = bool(depth)
        elif first not in "#\\" and (token.strip() or "\r" in token):
            wrong = _of_words(token, lines, line, begins=not depth and not begun)
            if wrong is not None:
                return (wrong,)
            begun = True
        line += token.count("\n")
    if opened:
        return (Fault(opened[-1], "a `{` is opened here, and never closed", "close each `{` with a `}`; is the script whole?"),)
    return ()


def _of_words(token: str, lines: list[str], line: int, *, begins: bool) -> Fault | None:
    """What is wrong with words between two separators, which begin a statement outside of tables or not."""
    if token[0] != '"' and "\r" in token:
        return Fault(line, f"{_told(lines, line)}: its lines end as on Windows", "save it with Unix line ends")
    if is_excerpt(token):
        return Fault(line, f"{_told(lines, line)} is no part of an nft script, but {EXCERPT.what}", EXCERPT.mend)
    if _OF_IPTABLES.search(token[-40:]) is not None:
        return Fault(line, f"{_told(lines, line)}: nft prints so what iptables made, and no nft can load it again", _SAVED)
    return _at(lines, line) if begins and _is_wrong(token.lstrip(), lines[line - 1]) else None


def _is_wrong(statement: str, line: str) -> bool:
    if _JUNK.match(statement) is not None or FRAGMENT.match(statement) is not None:
        return True
    return foreign(line.rstrip("\r"), "nft") is not None


def _told(lines: list[str], number: int) -> str:
    return quoted(lines[number - 1])


def _at(lines: list[str], number: int) -> Fault:
    line = lines[number - 1].rstrip("\r")
    told = _told(lines, number)
    if is_shell_script(lines[0]):
        return Fault(number, f"{told} stands in a shell script, which is no nft script", RUN_NFT)
    found = foreign(line, "nft")
    if found is not None:
        return Fault(number, f"{told} is no part of an nft script, but {found.what}", found.mend.replace(SAVE, LIST))
    if FRAGMENT.match(line.strip().rstrip("{ \t")):
        mend = f"{LIST}; or write `table FAMILY NAME {{ … }}` around it"
        return Fault(number, f"{told} is a part of a table, and stands in none", mend)
    return Fault(number, f"{told} begins no statement of nft's", LIST)
