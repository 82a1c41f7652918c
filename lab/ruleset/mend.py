"""Repairs dumps of iptables as people have them: out of mails, wikis, terminals, and from releases of long ago.

Only what is certain not to change the meaning is repaired.  What is not understood stays, so that iptables refuses it
with its line.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.ruleset.entities import without_entities
from lab.ruleset.foreign import quoted
from lab.ruleset.listed import listed
from lab.ruleset.macs import MadeUpAddresses, without_unreadable_macs
from lab.ruleset.mended import Mended, Repair, unchanged
from lab.ruleset.numbered import without_numbers
from lab.ruleset.prompts import PROMPT
from lab.ruleset.repairs import (
    ODD_BLANKS,
    with_negation_before,
    with_plain_blanks,
    with_plain_dashes,
    with_plain_quotes,
    without_command,
)
from lab.ruleset.wrapped import joined

_BLANKS = " \t"
_MORE = rf"(?:--More--(?:[ \t]*\(\d+%\))?[ \t\b{ODD_BLANKS}]*)"
_PAGER = re.compile(rf"[ \t{ODD_BLANKS}]*{_MORE}+")
_TABLE_LINE = re.compile(
    rf"^\ufeff?(?P<quote>[> \t{ODD_BLANKS}]*){_MORE}*\*(?P<name>filter|nat|mangle|raw|security)"
    rf"[ \t{ODD_BLANKS}]*\r*$",
    re.MULTILINE,
)
_ANY_TABLE = re.compile(r"\*\w+")
_DECLARATION = re.compile(
    rf"(:\S+)[ \t{ODD_BLANKS}]+(ACCEPT|DROP|-)(?:[ \t{ODD_BLANKS}]+(\[\d+:\d+\]))?[ \t{ODD_BLANKS}]*"
)
_RULE = re.compile(r"(?:\[\d+:\d+\][ \t]*)?-")
# What begins like a part of a table is no prose, even outside of tables: iptables is to refuse it.
_PART_OF_TABLE = re.compile(
    r"-[ADIRNPFXZEC]\b|--(?:append|insert|delete|replace|new|policy|flush|zero|rename)|:\S+[ \t]+\S|\[\d+:\d+\]|COMMIT"
    r"|(?:sudo[ \t]+)?(?:/[\w./-]*/)?ip6?tables(?:-nft|-legacy)?[ \t]+-"
)
_DECORATION = re.compile(r"[\s>|+;.,'`\"]*")
_COMMANDS = re.compile(r"\b(ip6?tables)(?:-nft|-legacy)?[ \t]+(?:(?:-t|--table)[ \t]+\w+[ \t]+)?-[AINP]\b")
_NOTHING = re.compile("")
_MADE_UP = (
    "the unreadable hardware address is a made-up one now, which no packet has (--without-macs takes the match away instead)"
)
_BEGINNING = re.compile(r"[> \t]*(?:[*:#$]|-[PNA][ \t]|\[?[\w.-]+@)")
_NEGATED_BEHIND = re.compile(r"![ \t]+[^-\s]")


def mend(text: str, *, without_macs: bool = False) -> Mended:
    r"""The text with every repair that is certain; the same text where it needs none, or holds no table that can be read.

    An unreadable hardware address (``XX:XX:XX:XX:XX:XX``) becomes a made-up one, which matches no packet; ``without_macs`` has
    the match taken away instead, so that its rule matches more than it did: each is told.

    >>> mended = mend("*filter\n-A INPUT -d ! 10.0.0.1 -j DROP\nCOMMIT\n")
    >>> mended.text.split("\n")[1], mended.repairs[0].what
    ('-A INPUT ! -d 10.0.0.1 -j DROP', 'each negation stands before its option now, as in `! -d ADDRESS`')
    """
    first = unchanged(text).then(without_entities).then(_without_numbers).then(listed)
    first = first.then(without_unreadable_macs if without_macs else unchanged).then(_mended_tables)
    last = first.then(joined)
    return last if last is first else last.then(_mended_tables)


def _without_numbers(text: str) -> Mended | None:
    return without_numbers(text, _BEGINNING)


def _mended_tables(text: str) -> Mended | None:
    lines = text.split("\n")
    tables = list(_TABLE_LINE.finditer(text))
    if tables:
        first, last = (text.count("\n", 0, found.start()) + 1 for found in (tables[0], tables[-1]))
        quoting = _mail_quoting(lines, first, {found["quote"].count(">") for found in tables})
        if quoting is not None:
            return _Mending(text, lines, _Tables(tuple(found["name"] for found in tables), first, last), quoting).mended()
    return None


class _Tables(NamedTuple):
    """The tables of a text by name, and the lines, from 1, on which the first and the last begin."""

    names: tuple[str, ...]
    first: int
    last: int


def _mail_quoting(lines: list[str], first_table: int, depths: set[int]) -> re.Pattern[str] | None:
    """What stands before every line of a dump that a mail quotes, if one does; None where it is not before every one."""
    depth = depths.pop()
    if depths:
        return None
    if depth == 0:
        return _NOTHING
    mark = re.compile(rf"(?:[ \t]*>){{{depth}}} ?(?![ \t]*>)")
    last = max((number for number, line in enumerate(lines) if mark.match(line)), default=0)
    inside = lines[first_table - 1: last + 1]
    return mark if inside and all(mark.match(line) or not line.strip() for line in inside) else None


def _is_fine(line: str) -> bool:
    """Whether this line of a table plainly needs nothing: most lines by far."""
    return (
        (line[:3] == "-A " or (line[:1] == "[" and "] -A " in line))
        and line.isascii()
        and line[-1] != "\r"
        and "--mac-source" not in line
        and ("!" not in line or _NEGATED_BEHIND.search(line) is None)
    )


def _is_part_of_table(line: str) -> bool:
    """Whether a line outside of tables looks like one that was to be within, whatever stands in front of it."""
    found = _DECORATION.match(line)
    rest = with_plain_dashes(line[found.end():] if found else line)
    return (_PART_OF_TABLE.match(rest) or _ANY_TABLE.fullmatch(rest)) is not None


class _Mending:
    """The way through a text, line by line."""

    def __init__(self, text: str, lines: list[str], tables: _Tables, quoting: re.Pattern[str]) -> None:
        self._given = lines
        self._tables = tables
        self._quoting = quoting
        self._new: list[str] = []
        self._from: list[int] = []
        self._repairs: list[Repair] = []
        self._throughout: dict[str, list[int]] = {}
        self._addresses = MadeUpAddresses(text)
        self._has_both_families = len(set(_COMMANDS.findall(text))) > 1
        self._is_one_dump = len(set(tables.names)) == len(tables.names)
        self._table: str | None = None
        self._end_of_table = 0  # how many new lines there are, up to the last that belongs to the table

    def mended(self) -> Mended:
        for number, line in enumerate(self._given, start=1):
            is_fine = self._table is not None and _is_fine(line)
            if not is_fine:
                line = self._cleaned(line, number)
                is_fine = self._table is not None and _is_fine(line)
            if is_fine:
                self._new.append(line)
                self._from.append(number)
                self._end_of_table = len(self._new)
            else:
                self._mend_line(line, number)
        self._end()
        for what, numbers in self._throughout.items():
            count = "1 line" if len(numbers) == 1 else f"{len(numbers)} lines"
            self._repairs.append(Repair(numbers[0], f"{what} taken away, in {count} from here on"))
        repairs = sorted(self._repairs, key=lambda repair: repair.line)
        return Mended("\n".join(self._new), tuple(repairs), tuple(self._from))

    def _keep(self, line: str, number: int) -> None:
        self._new.append(line)
        self._from.append(number)

    def _cleaned(self, line: str, number: int) -> str:
        """The line without what its way here has put around it."""
        if number == 1 and line[:1] == "\ufeff":
            line = line.lstrip("\ufeff")
            self._repairs.append(Repair(number, "the byte order mark is taken away"))
        if line[-1:] == "\r":
            line = line.rstrip("\r")
            self._throughout.setdefault("the carriage return at the end is", []).append(number)
        mark = self._quoting.match(line)
        if mark is not None and mark.end():
            line = line[mark.end():]
            self._throughout.setdefault("the mail's quoting in front is", []).append(number)
        pager = _PAGER.match(line)
        if pager is not None:
            line = line[pager.end():]
            self._repairs.append(Repair(number, "the pager's --More-- is taken away"))
        return line

    def _mend_line(self, line: str, number: int) -> None:
        bare = line.strip(_BLANKS + ODD_BLANKS)
        if bare == "" or (bare[0] == "#" and line[0] != "#"):
            self._put(bare, line, number, "the blanks of an empty line are" if bare == "" else "the blanks in front are")
        elif bare[0] == "#":
            self._keep(line, number)
        elif _ANY_TABLE.fullmatch(bare) and bare[1:] != self._table:
            self._begin(bare, line, number)
        elif self._table is None:
            self._mend_between(line, bare, number)
        else:
            self._mend_within(line, bare, number)
            self._end_of_table = len(self._new)

    def _put(self, new: str, old: str, number: int, what: str) -> None:
        """Keeps the line as it has become, and tells of it where that is not what it was."""
        if new != old:
            self._repairs.append(Repair(number, f"{what} taken away"))
        self._keep(new, number)

    def _begin(self, bare: str, line: str, number: int) -> None:
        if self._table is not None:
            self._commit()
        self._table = bare[1:]
        is_fine = line[0] == "*" and not any(blank in line for blank in ODD_BLANKS)
        self._put(line if is_fine else bare, line, number, "the blanks around it are")
        self._end_of_table = len(self._new)

    def _commit(self) -> None:
        place = self._end_of_table
        number = self._from[place - 1]
        self._new.insert(place, "COMMIT")
        self._from.insert(place, number)
        what = f"the COMMIT that ends *{self._table} was missing behind it and is put there: is the dump whole?"
        self._repairs.append(Repair(number, what))
        self._table = None

    def _mend_between(self, line: str, bare: str, number: int) -> None:
        is_sure = self._is_one_dump or not self._tables.first < number < self._tables.last
        if _is_part_of_table(bare) or not is_sure:
            self._keep(line, number)
        else:
            self._leave_out(bare, number)

    def _leave_out(self, bare: str, number: int) -> None:
        self._repairs.append(Repair(number, "is no part of the ruleset and is left out", quoted(bare)))
        self._keep("", number)

    def _mend_within(self, line: str, bare: str, number: int) -> None:
        if bare == "COMMIT":
            self._put(bare, line, number, "the blanks around COMMIT are")
            self._table = None
        elif bare[0] == ":":
            self._mend_declaration(line, bare, number)
        elif PROMPT.fullmatch(bare):
            self._leave_out(bare, number)
        else:
            self._mend_rule(line, number)

    def _mend_declaration(self, line: str, bare: str, number: int) -> None:
        found = _DECLARATION.fullmatch(bare)
        if found is not None and any(blank in line for blank in ODD_BLANKS):
            self._repairs.append(Repair(number, "non-breaking spaces are plain blanks now"))
            self._keep(" ".join(part for part in found.groups() if part), number)
        else:
            self._put(line.lstrip(_BLANKS), line, number, "the blanks in front are")

    def _mend_rule(self, line: str, number: int) -> None:
        told: list[str] = []
        new = line
        for what, repair in (
            ("non-breaking spaces are plain blanks now", with_plain_blanks),
            ("the blanks in front are taken away", lambda old: old.lstrip(_BLANKS)),
            ("the command's name in front is taken away", self._without_command),
            ("the dashes of print are plain ones now", with_plain_dashes),
            ("the quotes of print are plain ones now", with_plain_quotes),
            ("each negation stands before its option now, as in `! -d ADDRESS`", with_negation_before),
            (_MADE_UP, self._addresses.put_into),
        ):
            old, new = new, repair(new)
            if new != old:
                told.append(what)
        if _RULE.match(new):
            self._repairs += [Repair(number, what) for what in told]
            self._keep(new, number)
        else:
            self._keep(line, number)

    def _without_command(self, line: str) -> str:
        return line if self._has_both_families or self._table is None else without_command(line, self._table)

    def _end(self) -> None:
        if self._table is not None:
            self._commit()
        if self._new[-1] == "COMMIT":
            if len(self._new) <= len(self._given):
                self._repairs.append(Repair(self._from[-1], "the newline behind the last COMMIT was missing"))
            self._keep("", self._from[-1])
