"""What a node holds now, rule by rule: printed by the tools, aligned with the kernel's own order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.garbage import without_collection
from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.ground.tools import Running
from lab.kernel.hold.by_hand import (
    accepts_all,
    carried_lines,
    legacy_tables,
    made_by_iptables,
    only,
    prints_alike,
    tables_of_iptables,
)
from lab.kernel.hold.held import Held
from lab.kernel.hold.kinds import NFT_FAMILIES, saves, tables_in
from lab.kernel.hold.line_map import KnownLines, LineMap
from lab.kernel.hold.meddling import refuse_blinding, refuse_forging, refuse_own_names, trace_statements
from lab.kernel.hold.native_rules import native_rules
from lab.kernel.hold.nf_tables import all_chains, decides, handles
from lab.kernel.hold.rule_index import Key, Record, RuleIndex, iptables_rules, policy_of, record_of
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.held import ChainKey, HeldChain
from lab.ruleset.held_save import Lines
from lab.ruleset.nft.listing import LIST_RULESET, NftRuleset, read_listing
from lab.ruleset.rulesets import Rulesets
from lab.ruleset.save import Ruleset, read_save
from lab.ruleset.write import write_save

_HOOK = re.compile(r"(?m)^[^#\n]*\bhook\b")
_ASKS_SETS = (" --match-set ", " -j SET ")


def read_back(node: Node, rulesets: Rulesets, backend: Backend, lines: LineMap | KnownLines) -> Held:
    """What the node holds right after ``rulesets`` were loaded into it; the lab's own tables may stand there too.

    Raises MeasurementError when that cannot be told rule by rule, or is not what was loaded; InputError for a rule that would
    blind the lab.
    """
    with without_collection():
        lines.begin()
        texts = dict(rulesets.parts())
        tables = {kind: tables_in(text.text) for kind, text in texts.items() if kind in NFT_FAMILIES}
        reading = _Reading(node, backend, tables, texts["nft"].file if "nft" in texts else None, lists="nft" in texts)
        found = lines.sources()
        saved = {kind: reading.saved(kind) for kind in tables}
        for kind, ruleset in saved.items():
            _check_saved(node.name, ruleset, texts[kind].text, texts[kind].file)
            if kind in found.counted:
                _check_count(node.name, ruleset, found.by_kind[kind], texts[kind].file)
        listed = reading.listed() if "nft" in texts else None
        if listed is not None and _HOOK.search(texts["nft"].text) and not any(table.chains for table in listed.tables):
            raise _failed(node.name, f"{texts['nft'].file} was loaded, and the kernel holds no chain of it")
        files = {kind: text.file for kind, text in texts.items()}
        return reading.held(saved, listed, found.by_kind, files, rulesets.texts(), rulesets)


def held(node: Node, backend: Backend = Backend.NFT, *, before: Held | None = None) -> Held:
    """What the node holds now, whoever put it there; no files are needed, and the lab's own tables may stand there too.

    ``before`` is what it held earlier (of `read_back` or of this): a rule that was there already keeps its line, one that was
    put there by hand has none.  ``backend`` says which iptables is asked for its rules.

    Raises MeasurementError when that cannot be told rule by rule, InputError for a rule that would blind the lab.
    """
    with without_collection():
        tables = tables_of_iptables(node.namespace, backend, before.texts if before is not None else {})
        reading = _Reading(node, backend, tables, node.name if backend is Backend.NFT else None, lists=False)
        saved = {kind: reading.saved(kind) for kind in tables}
        listed = None
        if backend is Backend.NFT:
            own = made_by_iptables(node.namespace, reading.chains)
            saved = {kind: only(ruleset, NFT_FAMILIES[kind], own) for kind, ruleset in saved.items()}
            of_iptables = {
                (NFT_FAMILIES[kind], table.name, chain) for kind, ruleset in saved.items()
                for table in ruleset.tables.values() for chain in table.chains
            }  # fmt: skip
            listed = reading.listed() if not of_iptables.issuperset(reading.chains) else None
        files = dict.fromkeys(("v4", "v6", "nft"), node.name)
        texts = reading.texts()
        if before is not None and prints_alike(before.printed, texts):
            return reading.held(saved, listed, before.lines, files, texts, before.rendered)
        bare = reading.held(saved, listed, {}, files, texts, None)
        if before is None:
            return bare
        return reading.held(saved, listed, carried_lines(before, bare), files, texts, before.rendered)


class _Reading:
    """The tools at work that print what the node holds; ``tables`` are those of iptables that it may have, by kind.

    ``script`` is what a problem calls the source of native rules, None where there can be none; ``lists`` has nft list them
    from the beginning.
    """

    def __init__(
        self, node: Node, backend: Backend, tables: Mapping[str, Sequence[str]], script: str | None, *, lists: bool
    ) -> None:
        self._node, self._backend, self._script = node, backend, script
        self._printed: dict[str, str] = {}
        if script is not None:
            refuse_own_names(node.namespace, script)
        self._saving = {
            kind: [Running(node.namespace, command) for command in saves(kind, backend, of)] for kind, of in tables.items()
        }
        self._listing = Running(node.namespace, LIST_RULESET) if lists else None
        # asked for while the tools print
        self.chains = all_chains(node.namespace)
        families = {NFT_FAMILIES[kind] for kind in self._saving} if backend is Backend.NFT else ()
        self._handles = handles(node.namespace, [key for key in self.chains if key[0] in families])

    def saved(self, kind: str) -> Ruleset:
        """What iptables of this kind holds."""
        text = self._printed[kind] = "".join(self._text(running) for running in self._saving[kind])
        ruleset = read_save(text)
        if write_save(ruleset) != text:
            raise _failed(self._node.name, f"what {kind} holds cannot be read without loss")
        return ruleset

    def listed(self) -> NftRuleset:
        """What nft lists, but the lab's own tables."""
        text = self._printed["nft"] = self._text(self._listing or Running(self._node.namespace, LIST_RULESET))
        listed = read_listing(text)
        return NftRuleset(tuple(table for table in listed.tables if (table.family, table.name) not in OWN_TABLES))

    def texts(self) -> dict[str, str]:
        """What was printed by kind, with the sets that rules of iptables ask."""
        asks = any(words in text for words in _ASKS_SETS for text in self._printed.values())
        if asks and "ipset" not in self._printed:
            self._printed["ipset"] = self._text(Running(self._node.namespace, ["ipset", "save"]))
        return dict(self._printed)

    def held(
        self, saved: Mapping[str, Ruleset], listed: NftRuleset | None, lines: Mapping[str, Lines], files: Mapping[str, str],
        texts: Mapping[str, str], rendered: Rulesets | None,
    ) -> Held:  # fmt: skip
        """All of it; ``files`` are what a problem calls the source of each kind."""
        name, namespace = self._node.name, self._node.namespace
        rules: dict[Key, Record] = {}
        for kind, ruleset in saved.items():
            if self._backend is Backend.LEGACY:
                refuse_forging(ruleset, lines.get(kind, {}), files[kind])
                rules |= _by_number(name, NFT_FAMILIES[kind], ruleset, lines.get(kind, {}))
            else:
                rules |= iptables_rules(name, NFT_FAMILIES[kind], ruleset, self._handles, lines.get(kind, {}))
        native: Mapping[ChainKey, HeldChain] = {}
        if listed is not None:
            records, native = native_rules(self._node, listed, lines.get("nft", {}), {key[:3] for key in rules})
            rules |= records
        elif self._backend is Backend.LEGACY and decides(namespace):
            raise _failed(name, "nf_tables holds rules, though all were loaded by iptables-legacy", "nft flush ruleset")
        if self._backend is Backend.NFT:
            for table in legacy_tables(namespace):
                if not accepts_all(namespace, table):
                    what = f"ip_tables holds the table {table}, though nothing was loaded by iptables-legacy"
                    raise _failed(name, what, f"iptables-legacy -t {table} -F, and its policies ACCEPT")
        index = RuleIndex(name, rules, {key: chain for key, chain in self.chains.items() if chain is not None})
        traces = any(" -j TRACE" in text for kind, text in self._printed.items() if kind in NFT_FAMILIES)
        if self._script is not None:
            statements = list(trace_statements(namespace, self.chains))
            refuse_blinding(statements, index, self._script)
            traces = traces or bool(statements)
        zoned = any(("zone set" if kind == "nft" else " --zone") in text for kind, text in self._printed.items())
        return Held(
            name, self._backend, index, saved, native, lines, texts, rendered, traces, zoned, printed=self.texts()
        )

    def _text(self, running: Running) -> str:
        done = running.finish()
        if done.code != 0:
            raise _failed(self._node.name, f"its rules cannot be listed: {done.stopped or done.err.strip()}")
        return done.out


def _check_saved(node: str, ruleset: Ruleset, written: str, file: str) -> None:
    if not any(ruleset.rules()) and any(line.startswith(("-A", "-I")) for line in written.splitlines()):
        raise _failed(node, f"{file} was loaded, and the kernel holds no rule of it")


def _check_count(node: str, ruleset: Ruleset, lines: Lines, file: str) -> None:
    """A rule more or less than there are lines would shift all that follow it."""
    if {(rule.table, rule.chain, rule.number) for rule in ruleset.rules()} != lines.keys():
        raise _failed(node, f"the kernel holds other rules than {file} has lines")


def _by_number(node: str, family: str, ruleset: Ruleset, lines: Lines) -> Iterator[tuple[Key, Record]]:
    """The rules of ip_tables, which has no handles: its trace names the rule's number in its chain."""
    for table in ruleset.tables.values():
        for chain in table.chains.values():
            yield (family, table.name, chain.name, 0), policy_of(node, family, table.name, chain.name, chain.policy)
            for rule in chain.rules:
                source = lines.get((table.name, chain.name, rule.number))
                yield (family, table.name, chain.name, rule.number), record_of(node, family, rule, source)


def _failed(node: str, what: str, mend: str = "") -> MeasurementError:
    return MeasurementError(Problem(f"{node}: {what}", mend=f"at that node: {mend}" if mend else ""))
