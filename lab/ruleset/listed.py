"""What ``iptables -S`` prints, made the table that it is a listing of: chain policies, chains and rules, and no table's name.

The command in front of a listing names its table; without one the built-in chains do, all of which ``-S`` prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.ruleset.extensions import BUILT_IN_CHAINS
from lab.ruleset.mended import Mended, Repair
from lab.ruleset.prompts import PROMPT
from lab.ruleset.repairs import DASHES, ODD_BLANKS

_LEAD = rf"(?P<lead>[> \t{ODD_BLANKS}]*)"
_DASH = f"[-{DASHES}]"
_POLICY = re.compile(
    rf"{_LEAD}{_DASH}P[ \t]+(?P<chain>[A-Z]+)[ \t]+(?P<policy>ACCEPT|DROP)"
    rf"(?:[ \t]+{_DASH}c[ \t]+(?P<packets>\d+)[ \t]+(?P<bytes>\d+))?(?P<tail>[ \t]*\r*)"
)
_CHAIN = re.compile(rf"{_LEAD}{_DASH}N[ \t]+(?P<chain>[^\s\"]+)(?P<tail>[ \t]*\r*)")
_RULE = re.compile(rf"{_LEAD}{_DASH}A[ \t]+\S")
_ANY_POLICY = re.compile(rf"^[> \t{ODD_BLANKS}]*{_DASH}P[ \t]", re.MULTILINE)
_ANY_TABLE = re.compile(rf"^[> \t{ODD_BLANKS}]*\*(?:filter|nat|mangle|raw|security)\b", re.MULTILINE)
_COMMAND = re.compile(r"\b(?P<tool>ip6?tables)(?:-nft|-legacy)?(?P<words>(?:[ \t]+[\w./:=|>&-]+)+?)[ \t:]*\Z")
_MOST = 300  # characters of a line in which a command is looked for
_FENCE = re.compile(r"[> \t]*(?:```|~~~)")
_LISTS = re.compile(r"-[nvx]*S|--list-rules")
_HARMLESS = frozenset(("-n", "-v", "-vv", "-x", "-w", "-nv", "-vn", "--verbose", "--numeric", "--wait", "--line-numbers"))


@dataclass(frozen=True, slots=True)
class ListCommand:
    """A command that lists rules: ``iptables`` or ``ip6tables``, its table; ``whole``: all chains of it, and all it printed."""

    tool: str
    table: str
    is_named: bool
    whole: bool


@dataclass(slots=True)
class _Listing:
    """A listing: its lines, from 1, its policies by chain, and the command that printed it, in line ``heading``."""

    first: int
    asked: ListCommand | None
    heading: int = 0  # none, or one that is a comment
    last: int = 0
    policies: list[str] = field(default_factory=list)
    has_rules: bool = False


def list_command(line: str) -> ListCommand | None:
    """The command in a line, if it is one that lists rules: behind a prompt, or by itself.

    >>> list_command("$ sudo iptables -t nat -S")
    ListCommand(tool='iptables', table='nat', is_named=True, whole=True)
    """
    found = _COMMAND.search(line.rstrip("\r")) if len(line) <= _MOST else None
    if found is None:
        return None
    table, lists, whole = "", False, True
    words = iter(found["words"].split())
    for word in words:
        if word in ("-t", "--table"):
            table = next(words, "")
        elif word.startswith("--table="):
            table = word.removeprefix("--table=")
        elif _LISTS.fullmatch(word):
            lists = True
        elif re.fullmatch(r"-t[a-z]+", word):
            table = word[2:]
        elif word not in _HARMLESS:
            whole = False  # one chain, a pipe into grep, or what else is not known
    return ListCommand(found["tool"], table or "filter", bool(table), whole) if lists else None


def listed(text: str) -> Mended | None:
    r"""The text with a table around each listing of ``iptables -S``; None where there is none, or one is not certain.

    >>> listed("-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n").text.split("\n")[:2]
    ['*filter', ':INPUT DROP [0:0]']
    """
    if _ANY_POLICY.search(text) is None or _ANY_TABLE.search(text) is not None:
        return None
    lines = text.split("\n")
    listings = _listings(lines)
    tables = [_table_of(listing) for listing in listings or ()]
    named = [table for table in tables if table is not None]
    if listings is None or not named or len(named) < len(tables) or len(set(named)) < len(named):
        return None
    if len({listing.asked.tool for listing in listings if listing.asked}) > 1:
        return None
    return _Conversion(lines, dict(zip(named, listings, strict=True))).mended()


def _listings(lines: list[str]) -> list[_Listing] | None:
    """The listings of a text; None where a rule belongs to none."""
    found: list[_Listing] = []
    now: _Listing | None = None
    command: ListCommand | None = None
    place = 0
    for number, line in enumerate(lines, start=1):
        heading = list_command(line) if "tables" in line and not _RULE.match(line) else None
        policy = _POLICY.fullmatch(line)
        if heading is not None:
            now, command, place = None, heading, number
            if line.lstrip()[:1] == "#":
                place = 0
        elif policy is not None:
            if now is None or now.has_rules:
                now = _Listing(number, command, place)
                found.append(now)
                command, place = None, 0
            now.policies.append(policy["chain"])
            now.last = number
        elif _CHAIN.fullmatch(line) or _RULE.match(line):
            if now is None:
                return None
            now.has_rules = True
            now.last = number
        elif now is not None and (PROMPT.fullmatch(line.strip()) or _FENCE.match(line)):
            now = None
        elif now is not None and line.strip() and number == now.last + 1:
            now.last = number  # the rest of a rule that was wrapped, or what iptables is to refuse
    return found


def _table_of(listing: _Listing) -> str | None:
    """The table that a listing is of; None where that is not certain."""
    chains = set(listing.policies)
    if len(chains) < len(listing.policies):
        return None
    if listing.asked is not None:
        table = listing.asked.table
        return table if listing.asked.whole and _are_all(chains, table) else None
    return next((table for table in BUILT_IN_CHAINS if _are_all(chains, table)), None)


def _are_all(chains: set[str], table: str) -> bool:
    """Whether these are the built-in chains of a table; nat has INPUT since Linux 2.6.36 alone."""
    own = set(BUILT_IN_CHAINS.get(table, ()))
    return bool(own) and (chains == own or (table == "nat" and chains == own - {"INPUT"}))


class _Conversion:
    """The way through a text, from listings to tables."""

    def __init__(self, lines: list[str], listings: dict[str, _Listing]) -> None:
        self._lines = lines
        self._listings = listings
        self._new: list[str] = []
        self._from: list[int] = []

    def mended(self) -> Mended:
        place = 0
        for table, listing in self._listings.items():
            self._copy(place, listing.first - 1)
            first = self._lines[listing.first - 1]
            lead = first[: len(first) - len(first.lstrip(f"> \t{ODD_BLANKS}"))]
            self._put(f"{lead}*{table}", listing.first)
            for number in range(listing.first, listing.last + 1):
                self._put(_in_table(self._lines[number - 1]), number)
            self._put(f"{lead}COMMIT", listing.last)
            place = listing.last
        self._copy(place, len(self._lines))
        return Mended("\n".join(self._new), tuple(self._repairs()), tuple(self._from))

    def _copy(self, start: int, end: int) -> None:
        headings = {listing.heading for listing in self._listings.values()}
        for number in range(start + 1, end + 1):
            self._put("" if number in headings else self._lines[number - 1], number)

    def _put(self, line: str, number: int) -> None:
        self._new.append(line)
        self._from.append(number)

    def _repairs(self) -> Iterator[Repair]:
        absent = [f"*{table}" for table in ("filter", "nat", "mangle", "raw") if table not in self._listings]
        for table, listing in self._listings.items():
            how = "whose chains these are" if listing.asked is None else "as its command names no other"
            if listing.asked is not None and listing.asked.is_named:
                how = "which its command names"
            what = f"what `iptables -S` printed is put into a table of its own, *{table}, {how}"
            if absent:
                what += f"; of {', '.join(absent[:-1])}{' and ' if absent[:-1] else ''}{absent[-1]} it says nothing"
            absent = []
            yield Repair(listing.heading or listing.first, what)


def _in_table(line: str) -> str:
    """The line as a table has it: declarations for policies and chains."""
    policy = _POLICY.fullmatch(line)
    if policy is not None:
        counters = f"[{policy['packets'] or 0}:{policy['bytes'] or 0}]"
        return f"{policy['lead']}:{policy['chain']} {policy['policy']} {counters}{policy['tail']}"
    chain = _CHAIN.fullmatch(line)
    return line if chain is None else f"{chain['lead']}:{chain['chain']} - [0:0]{chain['tail']}"
