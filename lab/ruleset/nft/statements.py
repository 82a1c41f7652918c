"""The statements that an nft script may hold: those that make tables.

`nft -f` runs whatever its command line knows: ``monitor`` never ends, ``list`` prints, ``include`` reads any file of root's.  A
statement of a script begins behind a separator outside of all braces (``line`` and ``base_cmd`` of nft's grammar); what is
within a block can only be part of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.ruleset.forbidden import Refused
from lab.ruleset.nft.includes import included
from lab.ruleset.nft.tokens import FAMILY, NAME, TOKEN, flat

_FAMILIES = frozenset(("ip", "ip6", "inet", "arp", "bridge", "netdev"))
_COMMANDS = frozenset((
    "add", "create", "insert", "replace", "delete", "destroy", "flush", "rename", "define", "redefine", "undefine",
))  # fmt: skip
# ``add`` may be left out before these, and with it ``rule`` too: ``inet filter input accept``.
_OBJECTS = frozenset((
    "table", "chain", "rule", "set", "map", "element", "flowtable", "counter", "quota", "limit", "ct", "secmark", "synproxy",
))  # fmt: skip
_ALLOWED = _COMMANDS | _OBJECTS | _FAMILIES
_NEVER = frozenset(("monitor", "list", "get", "reset", "export", "import", "describe", "include"))
_TABLE = re.compile(rf"\s*(?:(?:add|create)\s+)?table\s+(?:{FAMILY}\s+)?({NAME})")
_WORD = re.compile(r"[\w./-]*")
_BRACE = re.compile(r'"[^"]*"|#[^\n]*|[{}]')
_MEND = "take it out: a script holds what makes tables, as `nft list ruleset` prints it"


def refused(text: str) -> Iterator[Refused]:
    """The statements that make no table; `include` too, which is expanded before a script is loaded."""
    if "include" in text:
        for start, _, _ in included(text):
            yield Refused(_line(text, start), "`include` would read a file of the machine", "put the file's text in its place")
    tables: set[str] = set()
    for start, statement in _statements(text):
        found = _WORD.match(statement)
        word = found[0] if found else ""
        if word not in ("", "include") and word not in _ALLOWED and (word in _NEVER or word not in tables):
            yield Refused(_line(text, start), f"`{word}` is no statement that makes tables", _MEND)
        if (table := _TABLE.match(statement)) is not None:
            tables.add(table[1])


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Where each statement outside of braces begins, and its text up to its first brace, comment, string or end."""
    place, start = 0, -1
    head = ""
    while (found := TOKEN.match(text, place)) is not None:
        token = found[0]
        place = found.end()
        if token in ("\n", ";"):
            if start >= 0:
                yield start, head
            start, head = -1, ""
        elif token == "{":
            place = _behind_block(text, place)
            if start < 0:
                start, head = found.start(), token
        elif token[0] != "#" and not (start < 0 and flat(token).isspace()):
            if start < 0:
                start = found.start() + len(token) - len(token.lstrip())
                head = token.lstrip()
            elif "{" not in head:
                head += flat(token)
    if start >= 0:
        yield start, head


def _behind_block(text: str, place: int) -> int:
    """Where the block ends that was opened before ``place``."""
    depth = 1
    for found in _BRACE.finditer(text, place):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if depth == 0:
                return found.end()
    return len(text)
