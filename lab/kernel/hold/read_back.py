"""What a node holds after a load, rule by rule: printed by the tools, aligned with the kernel's own order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.garbage import without_collection
from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import Running
from lab.kernel.hold.kinds import NFT_FAMILIES, saves
from lab.kernel.hold.line_map import KnownLines, LineMap, NodeLines
from lab.kernel.hold.meddling import refuse_blinding, refuse_forging, refuse_own_names, trace_statements
from lab.kernel.hold.native_rules import native_rules
from lab.kernel.hold.nf_tables import all_chains, handles, has_rules
from lab.kernel.hold.rule_index import Key, Lines, Record, RuleIndex, iptables_rules, policy_of
from lab.kernel.stage.node import Node
from lab.record.path import Rule
from lab.ruleset.backend import Backend
from lab.ruleset.describe import described
from lab.ruleset.nft.listing import LIST_RULESET, NftRuleset, read_listing
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.save import Ruleset, read_save
from lab.ruleset.write import write_save

_HOOK = re.compile(r"(?m)^[^#\n]*\bhook\b")
_Places = Iterator[tuple[tuple[str, str, str, int], Rule]]


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """What a node holds: the rules of iptables by family (4, 6), those of native nft, and which rule is meant by a trace.

    ``traces`` tells that some rule traces packets itself, so that more of them are seen than the lab began with, ``zoned``
    that some rule puts flows into a zone of conntrack.
    """

    rendered: Rulesets
    backend: Backend
    saved: Mapping[int, Ruleset]
    native: NftRuleset | None
    index: RuleIndex
    traces: bool = False
    zoned: bool = False


def read_back(node: Node, rulesets: Rulesets, backend: Backend, lines: LineMap | KnownLines) -> LoadedPolicy:
    """What the node holds now; raises MeasurementError when that cannot be told rule by rule."""
    with without_collection():
        lines.begin()
        reading = _Reading(node, rulesets, backend)
        return reading.finish(lines.sources())


class _Reading:
    """The tools at work that print what the node holds."""

    def __init__(self, node: Node, rulesets: Rulesets, backend: Backend) -> None:
        self._node, self._rulesets, self._backend = node, rulesets, backend
        self._traces = self._zoned = False
        if rulesets.nft is not None:
            refuse_own_names(node.namespace, rulesets.nft.file)
        self._saving = {
            kind: [Running(node.namespace, command) for command in saves(kind, backend, text.text)]
            for kind, text in rulesets.parts()
            if kind in NFT_FAMILIES
        }
        self._listing = Running(node.namespace, LIST_RULESET) if rulesets.nft is not None else None
        # asked for while the tools print
        self._chains = all_chains(node.namespace)
        families = {NFT_FAMILIES[kind] for kind in self._saving} if backend is Backend.NFT else ()
        self._held = handles(node.namespace, [key for key in self._chains if key[0] in families])

    def finish(self, lines: NodeLines) -> LoadedPolicy:
        """All of it, as one policy."""
        saved = {kind: self._saved(kind) for kind in self._saving}
        for kind, ruleset in saved.items():
            if kind in lines.counted:
                self._check_count(kind, ruleset, lines.by_kind[kind])
            if self._backend is Backend.LEGACY:
                refuse_forging(ruleset, lines.by_kind[kind], dict(self._rulesets.parts())[kind].file)
        native = self._native(self._listing) if self._listing is not None else None
        rules: dict[Key, Record] = {}
        for kind, ruleset in saved.items():
            if self._backend is Backend.NFT:
                rules |= iptables_rules(self._node.name, NFT_FAMILIES[kind], ruleset, self._held, lines.by_kind[kind])
            else:
                rules |= self._by_number(kind, ruleset, lines)
        if native is not None:
            rules |= native_rules(self._node, native, lines.by_kind["nft"], {key[:3] for key in rules})
        elif self._backend is Backend.LEGACY and has_rules(self._node.namespace):
            raise self._failed("nf_tables holds rules, though all were loaded by iptables-legacy")
        if self._backend is Backend.NFT and (tables := _legacy_tables(self._node.namespace)):
            raise self._failed(f"ip_tables holds the table {tables[0]}, though nothing was loaded by iptables-legacy")
        base = {key: chain for key, chain in self._chains.items() if chain is not None}
        index = RuleIndex(self._node.name, rules, base)
        if self._rulesets.nft is not None:
            statements = list(trace_statements(self._node.namespace, self._chains))
            refuse_blinding(statements, index, self._rulesets.nft.file)
            self._traces = self._traces or bool(statements)
        families = {int(kind[1:]): ruleset for kind, ruleset in saved.items()}
        return LoadedPolicy(self._rulesets, self._backend, families, native, index, self._traces, self._zoned)

    def _check_count(self, kind: str, ruleset: Ruleset, lines: Lines) -> None:
        """A rule more or less than there are lines would shift all that follow it."""
        if {(rule.table, rule.chain, rule.number) for rule in ruleset.rules()} != lines.keys():
            raise self._failed(f"the kernel holds other rules than {dict(self._rulesets.parts())[kind].file} has lines")

    def _native(self, listing: Running) -> NftRuleset:
        text = self._printed(listing)
        self._zoned = self._zoned or "zone set" in text
        listed = read_listing(text)
        native = NftRuleset(tuple(table for table in listed.tables if (table.family, table.name) not in OWN_TABLES))
        script = self._rulesets.nft
        if script is not None and _HOOK.search(script.text) and not any(table.chains for table in native.tables):
            raise self._failed(f"{script.file} was loaded, and the kernel holds no chain of it")
        return native

    def _saved(self, kind: str) -> Ruleset:
        text = "".join(self._printed(running) for running in self._saving[kind])
        self._traces = self._traces or " -j TRACE" in text
        self._zoned = self._zoned or " --zone" in text
        ruleset = read_save(text)
        if write_save(ruleset) != text:
            raise self._failed(f"what {kind} holds cannot be read without loss")
        written = dict(self._rulesets.parts())[kind].text
        if not any(ruleset.rules()) and any(line.startswith(("-A", "-I")) for line in written.splitlines()):
            raise self._failed(f"{dict(self._rulesets.parts())[kind].file} was loaded, and the kernel holds no rule of it")
        return ruleset

    def _by_number(self, kind: str, ruleset: Ruleset, lines: NodeLines) -> _Places:
        """The rules of ip_tables, which has no handles: its trace names the rule's number in its chain."""
        family = NFT_FAMILIES[kind]
        for table in ruleset.tables.values():
            for chain in table.chains.values():
                policy = policy_of(self._node.name, family, table.name, chain.name, chain.policy)
                yield (family, table.name, chain.name, 0), policy
                for rule in chain.rules:
                    source = lines.by_kind[kind].get((table.name, chain.name, rule.number))
                    record = described(self._node.name, family, rule, source)
                    yield (family, table.name, chain.name, rule.number), record

    def _printed(self, running: Running) -> str:
        done = running.finish()
        if done.code != 0:
            raise self._failed(f"its rules cannot be listed: {done.stopped or done.err.strip()}")
        return done.out

    def _failed(self, what: str) -> MeasurementError:
        return MeasurementError(Problem(f"{self._node.name}: {what}"))


def _legacy_tables(namespace: Namespace) -> list[str]:
    """The tables that ip_tables holds; none where an ordinary user may not read that."""
    found: list[str] = []
    for name in ("ip_tables_names", "ip6_tables_names"):
        try:
            with namespace, open(f"/proc/thread-self/net/{name}") as file:
                found += file.read().split()
        except OSError:
            continue
    return found
