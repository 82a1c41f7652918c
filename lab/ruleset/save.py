"""Reads rulesets in the format of `iptables-save`: what the kernel holds, and what people keep in files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab.errors import InputError, Problem, Where
from lab.ruleset.rule import SavedRule, read_rule
from lab.ruleset.words import quote_is_open, words

__all__ = ["Chain", "Ruleset", "SavedRule", "Table", "read_save"]

_COUNTERS = re.compile(r"\[(\d+):(\d+)\]")
_APPEND = ("-A", "--append")
_INSERT = ("-I", "--insert")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; ``policy`` is ACCEPT or DROP for a base chain, None for one that only jumps lead to."""

    name: str
    policy: str | None
    rules: tuple[SavedRule, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its chains by name, in the order of the text."""

    name: str
    chains: Mapping[str, Chain]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The tables of one family by name, in the order of the text."""

    tables: Mapping[str, Table]

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


@dataclass(slots=True)
class _ChainDraft:
    """A chain while its table is read: rules may still be put before others."""

    policy: str | None
    rules: list[tuple[str, list[str], int | None]] = field(default_factory=list)


def read_save(text: str, *, file: str = "ruleset") -> Ruleset:
    """The ruleset of a text that iptables-save printed or that iptables-restore would read.

    What a second block of one table does is what iptables-restore does: it replaces the first.  Raises InputError, with
    ``file`` and line, for a line that belongs to no table or that is not of the format.
    """
    tables: dict[str, Table] = {}
    name: str | None = None
    drafts: dict[str, _ChainDraft] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        first = line[:1]
        if first in ("", "#") or line.isspace() or (first == '"' and number > 1 and quote_is_open(lines[number - 2])):
            continue  # a comment that ends in a newline is printed with its closing quote on a line of its own
        if first == "*":
            _close(tables, name, drafts)
            name, drafts = line[1:].strip(), {}
        elif name is None:
            raise _refused(file, number, line, "stands outside any table")
        elif first == ":":
            _declare(drafts, line, file, number)
        elif line.rstrip() == "COMMIT":
            _close(tables, name, drafts)
            name, drafts = None, {}
        else:
            _command(drafts, line, file, number)
    _close(tables, name, drafts)
    return Ruleset(tables)


def _close(tables: dict[str, Table], name: str | None, drafts: Mapping[str, _ChainDraft]) -> None:
    if name is None:
        return
    own = {chain for chain, draft in drafts.items() if draft.policy is None}
    tables[name] = Table(name, {
        chain: Chain(chain, draft.policy, tuple(
            read_rule(name, chain, place, text, options, own, packets)
            for place, (text, options, packets) in enumerate(draft.rules, start=1)
        ))
        for chain, draft in drafts.items()
    })


def _declare(drafts: dict[str, _ChainDraft], line: str, file: str, number: int) -> None:
    parts = line[1:].split()
    if len(parts) < 2:
        raise _refused(file, number, line, "declares a chain without its policy, as in `:FORWARD DROP [0:0]`")
    policy = None if parts[1] == "-" else parts[1]
    drafts[parts[0]] = _ChainDraft(policy)


def _command(drafts: dict[str, _ChainDraft], line: str, file: str, number: int) -> None:
    packets: int | None = None
    rule = line.strip()
    if rule.startswith("["):
        counters = _COUNTERS.match(rule)
        if counters is None:
            raise _refused(file, number, line, "has counters that are not of the form [packets:bytes]")
        packets = int(counters[1])
        rule = rule[counters.end():].lstrip()
    parts = words(rule)
    if parts[0] in _APPEND and len(parts) > 1:
        _draft(drafts, parts[1]).rules.append((rule, parts[2:], packets))
    elif parts[0] in _INSERT and len(parts) > 1:
        _insert(_draft(drafts, parts[1]), rule, parts, packets)
    elif not _chain_command(drafts, parts):
        raise _refused(file, number, line, "is neither a rule (-A, -I) nor a chain (-N, -P, -F, -X)")


def _draft(drafts: dict[str, _ChainDraft], chain: str) -> _ChainDraft:
    """The chain's draft; a chain that was never declared is a built-in one, whose policy the text leaves as it is."""
    if chain not in drafts:
        drafts[chain] = _ChainDraft("ACCEPT")
    return drafts[chain]


def _insert(draft: _ChainDraft, rule: str, parts: list[str], packets: int | None) -> None:
    numbered = len(parts) > 2 and parts[2].isdecimal()
    place = int(parts[2]) - 1 if numbered else 0
    options = parts[3 if numbered else 2:]
    text = re.sub(r"\A\S+\s+(\S+)" + (r"\s+\d+" if numbered else ""), r"-A \1", rule)
    draft.rules.insert(place, (text, options, packets))


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
