"""Repairs nft scripts as people have them: out of mails, pages and terminals.

What stands in quotes stays as it is, whatever it looks like, and so do comments.  What is not understood stays too, so that
nft refuses it with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.ruleset import entities
from lab.ruleset.foreign import foreign, quoted
from lab.ruleset.mended import Mended, Repair, unchanged
from lab.ruleset.nft.tokens import FRAGMENT, TOKEN
from lab.ruleset.numbered import without_numbers
from lab.ruleset.prompts import PROMPT
from lab.ruleset.repairs import ODD_BLANKS

_COMMANDS = (
    "table", "add", "create", "insert", "replace", "delete", "destroy", "flush", "list", "reset", "rename", "define",
    "redefine", "undefine",
    "include", "chain", "rule", "set", "map", "element", "flowtable", "counter", "quota", "limit", "ct", "meter",
    "import", "export", "monitor", "describe", "synproxy", "secmark", "ip", "ip6", "inet", "arp", "bridge", "netdev", "type",
    "policy", "hook", "elements", "comment",
)  # fmt: skip
_STATEMENT = re.compile(rf"(?:{'|'.join(_COMMANDS)})\b")
_BEGINNING = re.compile(rf"[> \t]*(?:{_STATEMENT.pattern}|#|\$|\[?[\w.-]+@)")
_QUOTING = re.compile(r"(?:[ \t]*>)+")
_BLANKS = re.compile(rf"[{ODD_BLANKS}]")
# A string and a comment are found first, and stay.  A page's own quotes enclose a string too.
_PIECE = re.compile(
    rf'"[^"]*"|&(?:quot|#34);[^"\n]*?&(?:quot|#34);|\u201c[^"\u201c\u201d\n]*\u201d|#[^\n]*|&#?\w{{1,8}};|[{ODD_BLANKS}]'
    r"|(?<=[0-9A-Za-z])[\u2013\u2212](?=[0-9A-Za-z])",
    re.IGNORECASE,
)
_LEADING_ENTITIES = re.compile(r"\A[ \t]*(?:&(?:gt|nbsp);[ \t]*)+", re.IGNORECASE)
_A_COMMAND = re.compile(
    r"(?:add|create|insert|replace|delete|destroy|flush|reset)\s+(?:table|chain|rule|set|map|element|ruleset|flowtable|counter)\b"
    r"|(?:re)?define\s+\w+\s*="
)
_FENCE = re.compile(r"(?:```|~~~)[\w-]*\Z")
_LISTS_ALL = re.compile(r"\bnft\b.*\blist[ \t]+ruleset\b")
_PARTS_OF_STATEMENTS = frozenset('{};"')
_PRINT = "the blanks, quotes and dashes of print are plain ones now"
_LEFT_OUT = "is no part of the ruleset and is left out"


def mend(text: str) -> Mended:
    r"""The script with every repair that is certain; the same text where it needs none.

    >>> mended = mend("$ sudo nft list ruleset\n> table ip edge {\r\n> }\r\n")
    >>> mended.text, len(mended.repairs)
    ('\ntable ip edge {\n}\n', 3)
    """
    found = unchanged(text).then(_without_mark).then(_with_characters)
    return found.then(_without_numbers).then(_without_ends).then(_without_quoting).then(_without_surroundings)


def _without_mark(text: str) -> Mended | None:
    if text[:1] != "\ufeff":
        return None
    return _same_lines(text.lstrip("\ufeff"), Repair(1, "the byte order mark is taken away"))


def _without_numbers(text: str) -> Mended | None:
    return without_numbers(text, _BEGINNING)


def _same_lines(text: str, *repairs: Repair) -> Mended:
    return Mended(text, repairs, tuple(range(1, text.count("\n") + 2)))


def _with_characters(text: str) -> Mended | None:
    """With characters for HTML's entities, and plain ones for those of print, outside of strings and comments."""
    if (text.isascii() and "&" not in text) or _within_strings(text):
        return None
    led = "\n".join(_LEADING_ENTITIES.sub(lambda found: entities.decoded(found[0]), line) for line in text.split("\n"))
    new = _PIECE.sub(lambda found: _plain(found[0]), led)
    both = enumerate(zip(text.split("\n"), new.split("\n"), strict=True), start=1)
    changed = ((number, old) for number, (old, now) in both if old != now)
    return _same_lines(new, *(Repair(number, entities.WHAT if "&" in old else _PRINT) for number, old in changed))


def _plain(piece: str) -> str:
    """What a piece of a script is in plain characters: strings and comments as they are, and a quote that stands alone."""
    first = piece[0]
    if first == "&":
        new = entities.decoded(piece)
        return piece if new == '"' else _BLANKS.sub(" ", new) if len(new) == 1 else new
    if first == "\u201c":
        return f'"{piece[1:-1]}"'
    if first in ODD_BLANKS:
        return " "
    return "-" if first in "\u2013\u2212" else piece


def _without_ends(text: str) -> Mended | None:
    if "\r\n" not in text and not text.endswith("\r"):
        return None
    lines = text.split("\n")
    if _within_strings(text):
        return None
    ended = [number for number, line in enumerate(lines, start=1) if line[-1:] == "\r"]
    new = "\n".join(line.rstrip("\r") for line in lines)
    return _same_lines(new, Repair(ended[0], f"the carriage return at the end is taken away, {_in_lines(len(ended))}"))


def _in_lines(count: int) -> str:
    return "in 1 line" if count == 1 else f"in {count:,} lines from here on"


def _within_strings(text: str) -> bool:
    """Whether some string runs over a line's end: then no line's ends are looked at."""
    return any(token[0] == '"' and ("\n" in token or token == '"') for token in TOKEN.findall(text))


def _without_quoting(text: str) -> Mended | None:
    """Without the quoting of a mail, where it stands in front of every line of the script, as often in each."""
    lines = text.split("\n")
    quoted = [(number, found) for number, line in enumerate(lines) if (found := _QUOTING.match(line)) is not None]
    if not quoted or _within_strings(text):
        return None
    first, last = quoted[0][0], quoted[-1][0]
    depth = min(found[0].count(">") for _, found in quoted)
    between = [number for number in range(first, last + 1) if lines[number].strip()]
    if len(between) != len(quoted) or not any(_STATEMENT.match(found.string[found.end():].strip()) for _, found in quoted):
        return None
    if any(_STATEMENT.match(line.strip()) for line in (*lines[:first], *lines[last + 1:])):
        return None
    mark = re.compile(rf"(?:[ \t]*>){{{depth}}} ?")
    new = [mark.sub("", line, count=1) if first <= number <= last else line for number, line in enumerate(lines)]
    what = f"the mail's quoting in front is taken away, {_in_lines(len(quoted))}"
    return _same_lines("\n".join(new), Repair(first + 1, what))


def _without_surroundings(text: str) -> Mended | None:
    """Without fences and prompts, and without the prose before and behind the script."""
    lines = text.split("\n")
    outside = [number for number in _outside(text) if lines[number].strip() and lines[number].lstrip()[0] != "#"]
    places = [number for number, line in enumerate(lines) if _is_statement(line.strip())]
    if not places:
        return None
    is_one = sum(_lists_all(line.strip()) for line in lines) < 2
    repairs: list[Repair] = []
    for number in outside:
        bare = lines[number].strip()
        is_around = not places[0] < number < places[-1]
        is_known = _FENCE.match(bare) is not None or PROMPT.fullmatch(bare) is not None
        if (is_known and (is_one or is_around)) or (is_around and _is_prose(bare)):
            repairs.append(Repair(number + 1, _LEFT_OUT, quoted(bare)))
            lines[number] = ""
    return _same_lines("\n".join(lines), *repairs) if repairs else None


def _is_statement(bare: str) -> bool:
    """Whether a line surely belongs to a script: it begins a block or is a command, or it ends a block."""
    return bare[:1] == "}" or (
        _STATEMENT.match(bare) is not None and (not _PARTS_OF_STATEMENTS.isdisjoint(bare) or _A_COMMAND.match(bare) is not None)
    )


def _lists_all(bare: str) -> bool:
    return len(bare) < 300 and PROMPT.fullmatch(bare) is not None and _LISTS_ALL.search(bare) is not None


def _is_prose(bare: str) -> bool:
    """Whether a line outside of tables can be no part of a script."""
    return (
        _STATEMENT.match(bare) is None
        and FRAGMENT.match(bare) is None
        and _PARTS_OF_STATEMENTS.isdisjoint(bare)
        and foreign(bare, "nft") is None
    )


def _outside(text: str) -> Iterator[int]:
    """The lines, from 0, that begin outside of every block, statement and string."""
    line, depth, begun, seen = 0, 0, False, -1
    for token in TOKEN.findall(text):
        if not depth and not begun and seen < line and token.strip():
            yield line
            seen = line
        if token == '"':
            return
        if token[0] in "\n;":
            begun = False
        elif token == "\\\n" or token[0] == "#":
            begun = begun or token[0] != "#"
        elif token == "{":
            depth += 1
        elif token == "}":
            depth = max(0, depth - 1)
        elif token.strip():
            begun = True
        line += token.count("\n")
