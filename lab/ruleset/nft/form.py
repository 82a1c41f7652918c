"""Whether a text has the form of an nft script: what nft refuses, whatever machine it runs on."""

from __future__ import annotations

import re

from lab.ruleset.foreign import EXCERPT, LIST, RUN_NFT, SAVE, foreign, is_excerpt, is_shell_script, shown
from lab.ruleset.form import Fault
from lab.ruleset.nft.tokens import TOKEN

# No statement of a script begins with these; `$` only stands for what is defined, behind a word.
# What stands in a table, and nowhere else: neither begins a command.
_FRAGMENT = re.compile(
    r"(?:chain|set|map|flowtable)\s+[\w/.-]+\s*\Z|type\s+\w+\s+hook\b|(?:iif|oif)(?:name)?\s|ip6?\s+[sd]addr\b"
    r"|(?:tcp|udp)\s+[sd]port\b|ct\s+state\b|meta\s+\w|(?:accept|drop|masquerade)\s*\Z|jump\s+\S+\s*\Z|counter\s+packets\b"
)
_JUNK = re.compile(r"[^A-Za-z_.\\\"]")


def faults(text: str) -> tuple[Fault, ...]:
    """The first thing for which nft refuses a script that has its blocks and statements otherwise than a script.

    >>> [fault.what for fault in faults("table inet filter { chain input {")]
    ['a `{` is opened here, and never closed']
    """
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
                return (_at(text, line),)
            depth += 1
            opened.append(line)
        elif first == "}":
            if not depth:
                return (Fault(line, "a `}` closes what nothing has opened", "take it out, or open a `{` before it"),)
            depth -= 1
            opened.pop()
            begun = bool(depth)
        elif first not in '#"\\' and "\r" in token:
            return (Fault(line, f"`{shown(_line(text, line))}`: its lines end as on Windows", "save it with Unix line ends"),)
        elif first not in "#\\" and token.strip():
            if is_excerpt(token):
                return (Fault(line, f"`{shown(_line(text, line))}` is no part of an nft script, but {EXCERPT.what}", EXCERPT.mend),)
            if not depth and not begun and _is_wrong(token.lstrip(), text, line):
                return (_at(text, line),)
            begun = True
        line += token.count("\n")
    if opened:
        return (Fault(opened[-1], "a `{` is opened here, and never closed", "close each `{` with a `}`; is the script whole?"),)
    return ()


def _is_wrong(statement: str, text: str, line: int) -> bool:
    if _JUNK.match(statement) is not None or _FRAGMENT.match(statement) is not None:
        return True
    return foreign(_line(text, line), "nft") is not None


def _line(text: str, number: int) -> str:
    return text.split("\n", number)[number - 1].rstrip("\r")


def _at(text: str, number: int) -> Fault:
    line = _line(text, number)
    told = f"`{shown(line)}`"
    if is_shell_script(text):
        return Fault(number, f"{told} stands in a shell script, which is no nft script", RUN_NFT)
    found = foreign(line, "nft")
    if found is not None:
        return Fault(number, f"{told} is no part of an nft script, but {found.what}", found.mend.replace(SAVE, LIST))
    if _FRAGMENT.match(line.strip().rstrip("{ \t")):
        return Fault(number, f"{told} is a part of a table, and stands in none", f"{LIST}; or write `table FAMILY NAME {{ … }}` around it")
    return Fault(number, f"{told} begins no statement of nft's", LIST)
