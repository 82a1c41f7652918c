"""Reads rulesets in the format of `iptables-save`: what the kernel holds, and what people keep in files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.errors import InputError, Problem, Where
from lab.ruleset.rule import SavedRule, read_rule
from lab.ruleset.words import quote_is_open, words

__all__ = ["Chain", "Ruleset", "SavedRule", "Table", "read_save"]

_COUNTERS = re.compile(r"\[(\d{1,20}):(\d{1,20})\]")
# The blanks of iptables are ASCII's: a no-break space may be part of a chain's name.
_BLANKS = " \t\r\f\v"
_PARTS = re.compile(r"\S+", re.ASCII)
_APPEND = ("-A", "--append")
_INSERT = ("-I", "--insert")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; ``policy`` is ACCEPT or DROP for a base chain, None for one that only jumps lead to.

    ``counters`` are the policy's packets and bytes as the text has them, ``[12:3456]``; empty where it has none.
    """

    name: str
    policy: str | None
    rules: tuple[SavedRule, ...]
    counters: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its chains by name, in the order of the text.

    ``above`` are the lines between the COMMIT before and the table's first line: comments, or empty.
    """

    name: str
    chains: Mapping[str, Chain]
    above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    r"""The tables of one family by name, in the order of the text.

    ``below`` are the lines after the last COMMIT; the last of them is empty when the text ends in a newline.

    >>> ruleset = read_save("*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n")
    >>> ruleset.tables["filter"].chains["INPUT"].policy, ruleset.rule("filter", "INPUT", 1).target
    ('DROP', 'ACCEPT')
    """

    tables: Mapping[str, Table]
    below: tuple[str, ...] = ("",)

    def rules(self) -> Iterator[SavedRule]:
        """Every rule, chain by chain."""
        for table in self.tables.values():
            for chain in table.chains.values():
                yield from chain.rules

    def rule(self, table: str, chain: str, number: int) -> SavedRule:
        """The rule at this place; KeyError or IndexError where there is none."""
        if number < 1:
            raise IndexError(number)
        return self.tables[table].chains[chain].rules[number - 1]


class _RuleDraft(NamedTuple):
    """A rule as its line has it; its number is not known before its table ends."""

    text: str
    options: list[str]
    packets: int | None
    bytes: int | None
    tail: str


@dataclass(slots=True)
class _ChainDraft:
    """A chain while its table is read: rules may still be put before others."""

    policy: str | None
    counters: str = ""
    rules: list[_RuleDraft] = field(default_factory=list)


@dataclass(slots=True)
class _TableDraft:
    """A table while it is read; ``last`` is the chain that the last command has appended a rule to, if it has."""

    name: str
    above: tuple[str, ...]
    chains: dict[str, _ChainDraft] = field(default_factory=dict)
    last: _ChainDraft | None = None


def read_save(text: str, *, file: str = "ruleset") -> Ruleset:
    """The ruleset of a text that iptables-save printed or that iptables-restore would read.

    What a second block of one table does is what iptables-restore does: it replaces the first.  Raises InputError, with
    ``file`` and line, for a line that belongs to no table or that is not of the format.
    """
    tables: dict[str, Table] = {}
    draft: _TableDraft | None = None
    outside: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        first = line[:1]
        if first == '"' and number > 1 and quote_is_open(lines[number - 2]):
            _close_quote(draft, line)
        elif first in ("", "#") or line.isspace():
            outside.append(line)
        elif first == "*":
            _close(tables, draft)
            draft, outside = _TableDraft(line[1:].strip(), tuple(outside)), []
        elif draft is None:
            raise _refused(file, number, line, "stands outside any table")
        elif first == ":":
            _declare(draft.chains, line, file, number)
        elif line.rstrip() == "COMMIT":
            _close(tables, draft)
            draft, outside = None, []
        else:
            draft.last = _command(draft.chains, line, file, number)
    _close(tables, draft)
    return Ruleset(tables, tuple(outside))


def _close(tables: dict[str, Table], draft: _TableDraft | None) -> None:
    if draft is None:
        return
    name = draft.name
    own = {chain for chain, known in draft.chains.items() if known.policy is None}
    tables[name] = Table(name, {
        chain: Chain(chain, known.policy, tuple(
            read_rule(name, chain, place, text, options, own, packets, octets, tail)
            for place, (text, options, packets, octets, tail) in enumerate(known.rules, start=1)
        ), known.counters)
        for chain, known in draft.chains.items()
    }, draft.above)


def _close_quote(draft: _TableDraft | None, line: str) -> None:
    """A comment that ends in a newline is printed with its closing quote, and the options behind it, on the next line."""
    if draft is not None and draft.last is not None:
        rules = draft.last.rules
        last = rules[-1]
        rules[-1] = last._replace(tail=f"{last.tail}\n{line}", options=[*last.options, *words(line[1:])])


def _declare(drafts: dict[str, _ChainDraft], line: str, file: str, number: int) -> None:
    parts = _PARTS.findall(line[1:])
    if len(parts) < 2:
        raise _refused(file, number, line, "declares a chain without its policy, as in `:FORWARD DROP [0:0]`")
    policy = None if parts[1] == "-" else parts[1]
    drafts[parts[0]] = _ChainDraft(policy, " ".join(parts[2:]))


def _command(drafts: dict[str, _ChainDraft], line: str, file: str, number: int) -> _ChainDraft | None:
    """Follows a line that is a command; the chain whose last rule it now is, None where it is none."""
    packets = octets = None
    rule = line.strip(_BLANKS)
    tail = line[len(line.rstrip(_BLANKS)):] if len(rule) < len(line) else ""
    if rule.startswith("["):
        counters = _COUNTERS.match(rule)
        if counters is None:
            raise _refused(file, number, line, "has counters that are not of the form [packets:bytes]")
        packets, octets = int(counters[1]), int(counters[2])
        rule = rule[counters.end():].lstrip(_BLANKS)
    parts = words(rule) or [""]
    if parts[0] in _APPEND and len(parts) > 1:
        chain = _draft(drafts, parts[1])
        chain.rules.append(_RuleDraft(rule, parts[2:], packets, octets, tail))
        return chain
    if parts[0] in _INSERT and len(parts) > 1:
        _insert(_draft(drafts, parts[1]), rule, parts, packets, octets)
    elif not _chain_command(drafts, parts):
        raise _refused(file, number, line, "is neither a rule (-A, -I) nor a chain (-N, -P, -F, -X)")
    return None


def _draft(drafts: dict[str, _ChainDraft], chain: str) -> _ChainDraft:
    """The chain's draft; a chain that was never declared is a built-in one, whose policy the text leaves as it is."""
    if chain not in drafts:
        drafts[chain] = _ChainDraft("ACCEPT")
    return drafts[chain]


def _insert(draft: _ChainDraft, rule: str, parts: list[str], packets: int | None, octets: int | None) -> None:
    numbered = len(parts) > 2 and parts[2].isdecimal() and len(parts[2]) < 10
    place = int(parts[2]) - 1 if numbered else 0
    options = parts[3 if numbered else 2:]
    text = re.sub(r"\A\S+\s+(\S+)" + (r"\s+\d+" if numbered else ""), r"-A \1", rule)
    draft.rules.insert(place, _RuleDraft(text, options, packets, octets, ""))


def _chain_command(drafts: dict[str, _ChainDraft], parts: list[str]) -> bool:
    """Follows a command on whole chains; False for one that cannot be followed in text alone."""
    match parts:
        case ["-N" | "--new-chain", chain]:
            drafts.setdefault(chain, _ChainDraft(None))
        case ["-P" | "--policy", chain, policy]:
            _draft(drafts, chain).policy = policy
        case ["-F" | "--flush", chain]:
            _draft(drafts, chain).rules.clear()
        case ["-F" | "--flush"]:
            for draft in drafts.values():
                draft.rules.clear()
        case ["-X" | "--delete-chain", chain]:
            drafts.pop(chain, None)
        case ["-X" | "--delete-chain"] | ["-Z" | "--zero", *_]:
            pass
        case _:
            return False
    return True


def _refused(file: str, number: int, line: str, why: str) -> InputError:
    return InputError(Problem(
        f"the line {line.strip()!r} {why}", Where(file, number),
        "write it as iptables-save prints it",
    ))
