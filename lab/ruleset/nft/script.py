"""Rule to line of an nft script: counters that carry line numbers.

A copy of the script is loaded into a throw-away namespace with a counter at the head of each rule that begins with the
rule's line; what the kernel then holds tells the line of every rule, wherever ``insert`` or ``index`` has put it.  Nothing
is predicted: only where a rule begins is read from the text.
"""

from __future__ import annotations

import re

from lab.ruleset.nft.tokens import FAMILY, NAME, TOKEN, flat, without_strings

_FAMILY = rf"(?:{FAMILY}\s+)?"
_OBJECTS = "table|chain|rule|set|map|element|flowtable|counter|quota|limit|ct|secmark|synproxy|meter"
_COMMANDS = (
    "add|create|insert|replace|delete|destroy|list|flush|reset|rename|get|export|import|monitor|describe|define|redefine"
    "|undefine|include"
)
# nft takes `add inet filter input accept` and even `inet filter input accept` for rules.
_RULE_COMMAND = re.compile(
    rf"\s*(?:(?:(?:add|insert|replace)\s+)?rule\s+|(?:add\s+)?(?!(?:{_OBJECTS}|{_COMMANDS})(?![\w/.-])))"
    rf"{_FAMILY}{NAME}\s+(?!(?:{_OBJECTS})(?![\w/.-])){NAME}\s+(?:(?:index|position|handle)\s+\w+\s+)?(?=\S)"
)
_TABLE_BLOCK = re.compile(rf"\s*(?:(?:add|create)\s+)?table\s+{_FAMILY}{NAME}\s*")
_CHAIN_COMMAND_BLOCK = re.compile(rf"\s*(?:(?:add|create)\s+)?chain\s+{_FAMILY}{NAME}\s+{NAME}\s*")
_CHAIN_BLOCK = re.compile(rf"\s*chain\s+{NAME}\s*")
_WORD = re.compile(r"[\w-]*")
# What else than a rule may stand in a chain.
_OF_THE_CHAIN = frozenset((
    "type", "hook", "device", "devices", "priority", "policy", "flags", "comment",
    "define", "redefine", "undefine", "include",
))
_OWN_PACKETS = re.compile(r'"[^"]*"|#[^\n]*|\bpackets(?:\s|\\\n)+(\d+)')
_LINE = re.compile(r"(?<![\w/.@-])counter packets (\d+) bytes \d+")


def with_line_counters(text: str) -> str:
    """The script with ``counter packets LINE bytes 0`` at the head of every rule; LINE counts from 1.

    A rule's own counters stay behind it.  No line moves: nft's errors name the same lines for the copy as for the text.
    What is not understood is left as it is, so such a rule has no line; a counter in it that begins with a number of
    packets begins with none.  `include` is not followed: expand it first.

    >>> with_line_counters("add rule inet filter input tcp dport 22 accept")
    'add rule inet filter input counter packets 1 bytes 0 tcp dport 22 accept'
    """
    scan = _Scan(text)
    scan.run()
    return scan.copy()


def line_of(rule: str) -> int | None:
    """The line that a rule of the copy tells, as ``nft list ruleset`` prints the rule (not with ``-s``); None for none.

    It is in the rule's first counter, which is not always its first expression: for ``reject with tcp reset`` nft puts a
    match of its own before it.
    """
    found = _LINE.search(without_strings(rule))
    return (int(found[1]) or None) if found else None


class _Scan:
    """One walk through a script: where its rules begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[tuple[int, int, str]] = []
        self._blocks: list[str] = ["script"]
        # Of the statement that is under way: where it begins (-1 for none), on which line, whether it is a rule with its
        # counter, how many braces of it are open.  Those of statements around a block of rules wait in `_outer`.
        self._start = -1
        self._line = 0
        self._counted = False
        self._braces = 0
        self._outer: list[tuple[int, int, bool]] = []
        self._packets = "packets" in text

    def copy(self) -> str:
        """The text with what was put into it."""
        pieces: list[str] = []
        done = 0
        for start, end, new in sorted(self._edits):
            pieces += (self._text[done:start], new)
            done = end
        return "".join((*pieces, self._text[done:]))

    def run(self) -> None:
        """Walk to the end, or to where nft would not understand either."""
        place, line = 0, 1
        for token in TOKEN.findall(self._text):
            first = token[0]
            if first in "\n;":
                line += first == "\n"
                if not self._braces:
                    self._end(place)
            elif first == "{":
                self._open(place)
            elif first == "}":
                if not self._close(place):
                    return
            elif first == "\\" and token[1:] == "\n":
                line += 1
            elif first == '"':
                if token == '"':
                    return
                self._start = place if self._start < 0 else self._start
                line += token.count("\n")
            elif first != "#" and self._start < 0:
                self._begin(token, place, line)
            place += len(token)
        self._end(place)

    def _begin(self, token: str, place: int, line: int) -> None:
        """Begin a statement with a text that may be blank."""
        words = token.lstrip()
        if not words:
            return
        self._start = place + len(token) - len(words)
        self._line = line
        if self._blocks[-1] == "chain":
            word = _WORD.match(words)
            if word is None or word[0] not in _OF_THE_CHAIN:
                self._count(self._start)

    def _count(self, place: int) -> None:
        self._edits.append((place, place, f"counter packets {self._line} bytes 0 "))
        self._counted = True

    def _head(self, place: int) -> str:
        return flat(self._text[self._start:place])

    def _open(self, place: int) -> None:
        """A brace opens: a block of statements, or a set within one."""
        self._start = place if self._start < 0 else self._start
        block = None if self._braces else self._block_of(self._head(place))
        if block is None:
            self._braces += 1
            return
        self._outer.append((self._start, self._line, self._counted))
        self._blocks.append(block)
        self._start, self._counted = -1, False

    def _block_of(self, head: str) -> str | None:
        within = self._blocks[-1]
        if within == "script":
            if _TABLE_BLOCK.fullmatch(head):
                return "table"
            if _CHAIN_COMMAND_BLOCK.fullmatch(head):
                return "chain"
            self._count_command(head)
        elif within == "table":
            return "chain" if _CHAIN_BLOCK.fullmatch(head) else None
        return "chain" if self._counted and head.rsplit(None, 1)[-1] in ("jump", "goto") else None

    def _count_command(self, head: str) -> None:
        if not self._counted:
            command = _RULE_COMMAND.match(head)
            if command is not None:
                self._count(self._start + command.end())

    def _close(self, place: int) -> bool:
        """A brace closes; False where none is open."""
        if self._braces:
            self._braces -= 1
            return True
        if not self._outer:
            return False
        self._end(place)
        self._blocks.pop()
        self._start, self._line, self._counted = self._outer.pop()
        if not self._counted:
            self._start = -1  # a table or chain; what its block holds is dealt with
        return True

    def _end(self, place: int) -> None:
        """The statement ends here, if one is under way."""
        if self._start >= 0 and not self._counted:
            if self._blocks[-1] == "script":
                self._count_command(self._head(place))
            if self._packets and not self._counted:
                self._empty_counters(place)
        self._start, self._counted = -1, False

    def _empty_counters(self, place: int) -> None:
        """Take the packets from the counters of a statement that is no rule known here, lest they pass for a line."""
        for found in _OWN_PACKETS.finditer(self._text, self._start, place):
            if found[1] is not None:
                self._edits.append((found.start(1), found.end(1), "0"))
