"""Reads what ``nft -a -s list ruleset`` prints: tables, chains and rules, in the kernel's own order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.errors import MeasurementError, Problem, Where
from lab.ruleset.nft.rule import NftRule, Surroundings, has_state, jumps_in, read_rule, written_sets
from lab.ruleset.nft.tokens import NAME, without_strings

__all__ = [
    "LIST_RULESET", "OF_THE_CHAIN", "OPENS_RULES", "NftChain", "NftRule", "NftRuleset", "NftTable", "read_listing",
    "whole_line",
]  # fmt: skip

LIST_RULESET = ("nft", "-a", "-s", "list", "ruleset")  # with handles, without counters' values; names as nft prints them

_TABLE = re.compile(rf"table (\w+) ({NAME}) \{{(?: # .*)?")  # its handle, and of an owned table whose it is
_BLOCK = re.compile(r"\t(\w+(?: \w+)?) (\S+) \{(?: # handle \d+)?")
_HOOK = re.compile(
    r'type (?P<type>\w+) hook (?P<hook>\w+) (?:devices? (?:= )?(?P<devices>\{[^}]*\}|"[^"]*"|\S+) )?'
    r"priority (?P<priority>[^;]+);(?: policy (?P<policy>\w+);)?"
)
_ELEMENTS = re.compile(r"\n\t\telements = (\{[^}]*\})\s*\n\t\}")
_SET = re.compile(rf"@({NAME})")
_PASSING = re.compile(r"\n\t\t(?:flags [^\n]*\b(?:timeout|dynamic)\b|timeout )")
_OF_KEPT = re.compile(r" (?:dport|[sd]addr)\b")  # fields whose sets are read
OPENS_RULES = ("jump {", "goto {")
OF_THE_CHAIN = ("type ", "comment ", "policy ", "flags ", "devices ", "device ")
_SETS = ("map", "set", "meter")
_REMEMBERING = (*_SETS, "limit", "quota")
_LISTING = "nft's listing of the ruleset"


@dataclass(frozen=True, slots=True)
class NftChain:
    """A chain; type, hook, priority (in nft's words: ``filter - 10``) and policy are None for one that no hook calls.

    ``devices`` are those of an ingress or egress chain.
    """

    name: str
    type: str | None
    hook: str | None
    priority: str | None
    policy: str | None
    devices: tuple[str, ...]
    rules: tuple[NftRule, ...]


@dataclass(frozen=True, slots=True)
class NftTable:
    """A table of a family (``inet``, ``ip``, ``netdev``, …) and its chains by name, in the kernel's order.

    ``sets`` are the elements, as nft prints them (``{ 53, 80 }``), of those sets and maps that rules with ports or addresses
    ask, and that neither a rule writes nor time empties; of those that rules write, only those that nothing is in.
    ``defined`` is how sets, meters, limits and quotas are made: their definitions as printed, without elements.
    """

    family: str
    name: str
    chains: Mapping[str, NftChain]
    sets: Mapping[str, str] = field(default_factory=dict)
    defined: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NftRuleset:
    """All tables, in the kernel's order."""

    tables: tuple[NftTable, ...]

    def rules(self) -> Iterator[tuple[NftTable, NftChain, NftRule]]:
        """Every rule with its table and chain; those of ``jump { … }`` are in their rule's ``block``."""
        for table in self.tables:
            for chain in table.chains.values():
                for rule in chain.rules:
                    yield table, chain, rule


@dataclass(slots=True)
class _RuleDraft:
    """A rule while its table is read; of ``jump { … }`` the text has ``{}``, and the rules are in ``block``."""

    handle: int
    text: str
    block: list[_RuleDraft] | None = None


@dataclass(slots=True)
class _ChainDraft:
    name: str
    hook: re.Match[str] | None = None
    rules: list[_RuleDraft] = field(default_factory=list)


def read_listing(text: str) -> NftRuleset:
    r"""The ruleset of a listing that was made with `LIST_RULESET`; raises MeasurementError with the line it cannot read.

    >>> chain = "chain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}"
    >>> read_listing(f"table inet filter {{\n\t{chain}\n}}\n")
    NftRuleset(tables=(NftTable(family='inet', name='filter', chains={'input': NftChain(name='input', type='filter',
    hook='input', priority='filter', policy='drop', devices=(), rules=())}...),))
    """
    return NftRuleset(tuple(_Reader(text).tables()))


class _Reader:
    """The lines of a listing, each whole: a string may run over several."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._next = 0

    def tables(self) -> Iterator[NftTable]:
        """Every table."""
        while self._next < len(self._lines):
            line = self._line()
            if not line or line.isspace() or line.startswith("#"):
                continue
            found = _TABLE.fullmatch(line)
            if found is None:
                raise self._unread(line, "is not the beginning of a table")
            yield self._table(found[1], found[2])

    def _table(self, family: str, name: str) -> NftTable:
        maps: dict[str, list[tuple[str, str]]] = {}
        sets: dict[str, str] = {}
        defined: dict[str, str] = {}
        written: set[str] = set()
        drafts: list[_ChainDraft] = []
        while (line := self._line_of(name)) != "}":
            found = _BLOCK.fullmatch(line)
            if found is None:
                if line.endswith("{"):
                    raise self._unread(line, "begins something unknown")
            elif found[1] == "chain":
                drafts.append(self._chain(found[2]))
            else:
                elements = self._object(name, keep=found[1] in _REMEMBERING)
                if elements:
                    defined[found[2].strip('"')] = elements.partition("\n\t\telements = ")[0]
                if found[1] == "map":
                    maps[found[2]] = jumps_in(elements)
                if found[1] in _SETS:
                    if has_state(elements):
                        written.add(found[2])
                    sets[found[2]] = elements
        written.update(name for chain in drafts for rule in _all(chain.rules) for name in written_sets(rule.text))
        around = Surroundings(maps, frozenset(written), tuple(chain.name for chain in drafts))
        asked = {
            name
            for chain in drafts
            for rule in _all(chain.rules)
            if "@" in rule.text and _OF_KEPT.search(rule.text)
            for name in _SET.findall(rule.text)
        }
        kept = {name: held for name in asked - written if (held := _constant(sets.get(name, ""))) is not None}
        kept |= {name: "{ }" for name in asked & written if name in sets and "elements = " not in sets[name]}
        return NftTable(family, name, {chain.name: _finished(chain, around) for chain in drafts}, kept, defined)

    def _object(self, table: str, *, keep: bool) -> str:
        """Skip a set, map or other object; its lines when they are to be kept."""
        begin = self._next
        while self._line_of(table) != "\t}":
            pass
        return "\n".join(self._lines[begin:self._next]) if keep else ""

    def _chain(self, name: str) -> _ChainDraft:
        draft = _ChainDraft(name)
        while (line := self._line_of(name)) != "\t}":
            words = line.strip()
            if words.endswith(OPENS_RULES) or _handle_of(words)[1] is not None:
                draft.rules.append(self._rule(words, name))
            elif words.startswith("type "):
                draft.hook = _HOOK.match(words)
                if draft.hook is None:
                    raise self._unread(line, "does not say type, hook and priority of a chain")
            elif words and not words.startswith(OF_THE_CHAIN):
                raise self._unread(line, "is a rule without its handle (was it listed without -a?)")
        return draft

    def _rule(self, words: str, chain: str, *, inner: bool = False) -> _RuleDraft:
        block: list[_RuleDraft] | None = None
        if words.endswith(OPENS_RULES):
            block = []
            while not (line := self._line_of(chain).strip()).startswith("}"):
                block.append(self._rule(line, chain, inner=True))
            words = words + line
        text, handle = _handle_of(words)
        if handle is None and not inner:
            raise self._unread(words, "is a rule without its handle (was it listed without -a?)")
        return _RuleDraft(handle or 0, text, block)

    def _line_of(self, within: str) -> str:
        """The next line, of a table or chain that is not closed yet."""
        if self._next >= len(self._lines):
            raise self._unread("", f"ends within {within}")
        return self._line()

    def _line(self) -> str:
        line, self._next = whole_line(self._lines, self._next)
        return line

    def _unread(self, line: str, why: str) -> MeasurementError:
        return MeasurementError(Problem(
            f"{_LISTING}: the line {line.strip()!r} {why}", Where("nft list ruleset", self._next),
            "compare with `nft -a -s list ruleset`, and report it with your version of nft",
        ))


def whole_line(lines: Sequence[str], number: int) -> tuple[str, int]:
    """The line at that place with those that its string runs over, and the place of the next one."""
    line, after = lines[number], number + 1
    if '"' in line:
        while line.count('"') % 2 and after < len(lines):
            line += "\n" + lines[after]
            after += 1
    return line, after


def _handle_of(words: str) -> tuple[str, int | None]:
    """A rule's text and its handle; None where it has none."""
    text, mark, handle = words.rpartition(" # handle ")
    return (text, int(handle)) if mark and handle.isdecimal() else (words, None)


def _constant(definition: str) -> str | None:
    """The elements of a set or map as its definition has them, without remarks; None where time takes them away."""
    bare = without_strings(definition).replace(' comment ""', "")
    found = _ELEMENTS.search(bare)
    return None if found is None or _PASSING.search(bare) is not None else found[1]


def _all(rules: list[_RuleDraft]) -> Iterator[_RuleDraft]:
    for rule in rules:
        yield rule
        yield from _all(rule.block or [])


def _finished(draft: _ChainDraft, around: Surroundings) -> NftChain:
    rules = _rules(draft.rules, around)
    if draft.hook is None:
        return NftChain(draft.name, None, None, None, None, (), rules)
    said = draft.hook.groupdict()
    devices = tuple(re.findall(r'[^\s{},"]+', said["devices"] or ""))
    return NftChain(draft.name, said["type"], said["hook"], said["priority"], said["policy"], devices, rules)


def _rules(drafts: list[_RuleDraft], around: Surroundings) -> tuple[NftRule, ...]:
    return tuple(
        read_rule(
            rule.handle, number, rule.text, around, None if rule.block is None else _rules(rule.block, around)
        )
        for number, rule in enumerate(drafts, start=1)
    )
