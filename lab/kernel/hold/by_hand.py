"""Rules that somebody put into a node by hand: which of them iptables can print, and which were there before."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import run
from lab.kernel.hold.held import Held
from lab.kernel.hold.kinds import NFT_FAMILIES, saves, tables_in
from lab.kernel.hold.nf_tables import BaseChain, ChainKey, expressions, rules_of, tables
from lab.record.path import Rule
from lab.ruleset.backend import Backend
from lab.ruleset.held_save import Lines
from lab.ruleset.save import Ruleset, read_save

_TABLES = ("raw", "mangle", "nat", "filter", "security")
_BUILT_IN = frozenset(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"))
_DATE, _COUNTED = re.compile(r"(?m)^#.*\n"), re.compile(r"(?m)^(:\S+ \S+) \[\d+:\d+\]$")
_NAMES = {"v4": "ip_tables_names", "v6": "ip6_tables_names"}
# what iptables-nft makes its rules of, and prints: of another expression iptables-save (1.8.9) leaves the condition out
_OF_IPTABLES = frozenset((
    b"match\0", b"target\0", b"payload\0", b"cmp\0", b"bitwise\0", b"range\0", b"meta\0", b"immediate\0", b"counter\0",
    b"limit\0", b"log\0",
))  # fmt: skip


def tables_of_iptables(namespace: Namespace, backend: Backend, before: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """The tables that iptables may print, by kind; texts of ``before`` tell where a user may not read their names."""
    if backend is Backend.NFT:
        held = {(table.family, table.name) for table in tables(namespace)}
        found = {kind: [name for name in _TABLES if (family, name) in held] for kind, family in NFT_FAMILIES.items()}
    else:
        found = {}
        for kind in NFT_FAMILIES:
            names = _legacy_names(namespace, kind)
            if names is None and kind not in before:
                what = "which tables iptables-legacy holds cannot be read by an ordinary user"
                raise MeasurementError(Problem(what, mend="run it as root"))
            found[kind] = list(tables_in(before[kind])) if names is None else names
    return {kind: names for kind, names in found.items() if names}


def legacy_tables(namespace: Namespace) -> list[str]:
    """The tables that ip_tables holds; none where an ordinary user may not read that."""
    return [name for kind in NFT_FAMILIES for name in _legacy_names(namespace, kind) or ()]


def accepts_all(namespace: Namespace, table: str) -> bool:
    """Whether a table of ip_tables has no rule, in either family, and no policy but ACCEPT: whoever looks at one makes it."""
    printed = [run(namespace, command).out for kind in NFT_FAMILIES for command in saves(kind, Backend.LEGACY, [table])]
    chains = [chain for text in printed for one in read_save(text).tables.values() for chain in one.chains.values()]
    return not any(chain.rules or chain.policy not in ("ACCEPT", None) for chain in chains)


def _legacy_names(namespace: Namespace, kind: str) -> list[str] | None:
    """The tables that ip_tables holds of this kind, by name; None where an ordinary user may not read them."""
    try:
        with namespace, open(f"/proc/thread-self/net/{_NAMES[kind]}") as file:
            return file.read().split()
    except FileNotFoundError:
        return []  # the module is not loaded
    except OSError:
        return None


def made_by_iptables(namespace: Namespace, chains: Mapping[ChainKey, BaseChain | None]) -> set[ChainKey]:
    """Those of the chains that iptables prints whole: each rule has its counter, and nothing that it lacks words for.

    Into its tables anybody may put a rule of native nft, which iptables-save prints without what it cannot say.
    """
    mine = {key for key in chains if key[0] in NFT_FAMILIES.values() and key[1] in _TABLES}
    # beside a base chain of another name it prints nothing of the table
    other = {key[:2] for key in mine if chains[key] is not None and key[2] not in _BUILT_IN}
    mine = {key for key in mine if key[:2] not in other}
    for key, _, data in rules_of(namespace, sorted(mine)):
        names = {name for name, _ in expressions(data)}
        if b"counter\0" not in names or not names <= _OF_IPTABLES:
            mine.discard(key)
    return mine


def only(ruleset: Ruleset, family: str, own: Collection[ChainKey]) -> Ruleset:
    """The ruleset with those chains alone that are iptables' ``own``, and those that the kernel does not have yet."""
    kept = {
        name: replace(table, chains={
            chain: of for chain, of in table.chains.items() if (family, name, chain) in own or not of.rules
        })
        for name, table in ruleset.tables.items()
    }  # fmt: skip
    return replace(ruleset, tables=kept)


def prints_alike(before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether the tools print the same of each kind, but for dates and counters: then each rule stands where it stood."""
    return before.keys() == now.keys() and all(_bare(text) == _bare(now[kind]) for kind, text in before.items())


def _bare(text: str) -> str:
    return _COUNTED.sub(r"\1", _DATE.sub("", text))


def carried_lines(before: Held, now: Held) -> dict[str, Lines]:
    """The line of each rule that was there ``before``, by kind: the same rule by its handle, else one of the same text.

    ip_tables has no handles: of rules of one text in one chain, which are all the same to a packet, the first is the first.
    """
    known = dict(before.index.items())
    found: defaultdict[str, dict[tuple[str, str, int], str | None]] = defaultdict(dict)
    left: defaultdict[tuple[str, str, str, str], deque[str | None]] = defaultdict(deque)
    later: list[Rule] = []
    kept = set()
    for key, rule in now.index.items():
        old = known.get(key)
        if rule.number is None:
            continue
        if now.backend is Backend.NFT and old is not None and old.text == rule.text:
            kept.add(key)
            _put(found, now, rule, old.source)
        else:
            later.append(rule)
    for key, old in known.items():
        if key not in kept and old.number is not None:
            left[old.family, old.table, old.chain, old.text].append(old.source)
    for rule in later:
        waiting = left[rule.family, rule.table, rule.chain, rule.text]
        if waiting:
            _put(found, now, rule, waiting.popleft())
    return dict(found)


def _put(found: Mapping[str, dict[tuple[str, str, int], str | None]], now: Held, rule: Rule, source: str | None) -> None:
    assert rule.number is not None
    if (rule.family, rule.table, rule.chain) in now.native:
        found["nft"][f"{rule.family} {rule.table}", rule.chain, rule.number] = source
    else:
        kind = next(kind for kind, family in NFT_FAMILIES.items() if family == rule.family)
        found[kind][rule.table, rule.chain, rule.number] = source
