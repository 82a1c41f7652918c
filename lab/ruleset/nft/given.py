"""Which chains an nft script gives, where, and with which rules: read from the text alone, never interpreted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.ruleset.nft.tokens import FAMILY, NAME, TOKEN

_FAMILY = rf"(?:({FAMILY})\s+)?"
_TABLE = re.compile(rf"(?:(?:add|create)\s+)?table\s+{_FAMILY}({NAME})")
_CHAIN = re.compile(r"chain\s+(\S+)")
_CHAIN_COMMAND = re.compile(rf"(?:(?:add|create)\s+)?chain\s+{_FAMILY}({NAME})\s+(\S+)")
_RULE_COMMAND = re.compile(rf"(?:(?:add|insert|replace)\s+)?rule\s+{_FAMILY}({NAME})\s+(\S+)")
_TAKES_AWAY = re.compile(r"(?:flush|delete|destroy)\s")
_BASE = re.compile(r"type\s+\S+\s+hook\s+(\w+)")
_NO_RULE = re.compile(r"(?:type|policy|flags|comment|devices?|define|redefine|undefine|include)\s")
_SEEN = re.compile(r"(?<=\bcounter) packets \d+ bytes \d+|(?<=bytes) used \d+ \w+")  # what differs from listing to listing


@dataclass(frozen=True, slots=True)
class Given:
    """One place that writes to a chain: a block, or a command; ``line`` counts from 1.

    ``base`` tells that a block hooks the chain in.  ``rules`` are a block's, on one line each, without what they have
    counted, and ``lines`` where each begins; ``hook`` is where a block hooks the chain in.  ``command`` is the rule that a
    command adds.  ``emptied`` counts the commands before that take something away.
    """

    family: str
    table: str
    chain: str
    line: int
    base: bool = False
    rules: tuple[str, ...] = ()
    emptied: int = 0
    hook: str | None = field(default=None, compare=False)
    lines: tuple[int, ...] = field(default=(), compare=False)
    command: str = field(default="", compare=False)


def given_chains(text: str) -> Iterator[Given]:
    """Every place of a script that writes to a chain, in its order; `include` is not followed: expand it first.

    >>> (place,) = given_chains("table ip t { chain c { type filter hook input priority 0; tcp dport 22 accept; } }")
    >>> place.hook, place.rules
    ('input', ('tcp dport 22 accept',))
    """
    return _Walk(text).places()


class _Walk:
    """One walk through a script: ``_table`` and ``_chain`` are the blocks that are open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._table: tuple[str, str] | None = None
        self._chain: tuple[str, str, str, int] | None = None
        self._statements: list[tuple[int, str]] = []
        self._emptied = 0

    def places(self) -> Iterator[Given]:
        """Every place that writes to a chain."""
        words: list[str] = []
        line, begun, braces = 1, 1, 0
        for token in TOKEN.findall(self._text):
            first = token[0]
            blank = token.isspace() or token == "\\\n"
            if not words and not blank:
                begun = line
            line += token.count("\n")
            if first == "{":
                if braces or not self._opens(_flat(words), begun):
                    braces += 1
                    words.append(token)
                else:
                    words = []
            elif first == "}" and braces:
                braces -= 1
                words.append(token)
            elif first in "\n;}" and not braces:
                yield from self._end(_flat(words), begun)
                if first == "}":
                    yield from self._close()
                words = []
            elif first != "#":
                words.append(" " if blank else token)
        yield from self._end(_flat(words), begun)

    def _opens(self, head: str, line: int) -> bool:
        """Whether a brace behind ``head`` opens a table's or a chain's block, and not a set within a statement."""
        if self._chain is not None:
            return False
        if self._table is not None:
            found = _CHAIN.fullmatch(head)
            if found is not None:
                self._chain = (*self._table, found[1], line)
            return found is not None
        if (found := _CHAIN_COMMAND.fullmatch(head)) is not None:
            self._chain = (found[1] or "ip", found[2], found[3], line)
        elif (found := _TABLE.fullmatch(head)) is not None:
            self._table = (found[1] or "ip", found[2])
        return found is not None

    def _end(self, statement: str, line: int) -> Iterator[Given]:
        if self._chain is not None:
            if statement:
                self._statements.append((line, statement))
        elif self._table is None:
            self._emptied += _TAKES_AWAY.match(statement) is not None
            command = _RULE_COMMAND.match(statement) or _CHAIN_COMMAND.fullmatch(statement)
            if command is not None:
                rule = statement[command.end():].strip()
                yield Given(command[1] or "ip", command[2], command[3], line, emptied=self._emptied, command=rule)

    def _close(self) -> Iterator[Given]:
        """A block ends."""
        if self._chain is None:
            self._table = None
            return
        hook = next((found[1] for _, statement in self._statements if (found := _BASE.match(statement))), None)
        rules = [(line, _SEEN.sub("", one)) for line, one in self._statements if not _NO_RULE.match(f"{one} ")]
        texts, lines = tuple(text for _, text in rules), tuple(line for line, _ in rules)
        yield Given(*self._chain, hook is not None, texts, self._emptied, hook, lines)
        self._chain, self._statements = None, []


def _flat(words: list[str]) -> str:
    return " ".join("".join(words).split())
