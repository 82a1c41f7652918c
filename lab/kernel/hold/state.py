"""All that a node holds at one moment, in a normal form: rules of every tool, sets, what they remember, and its network.

What the lab itself has put there (its owned tables) is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lab.errors import InputError, MeasurementError, Problem
from lab.kernel.ground.garbage import without_collection
from lab.kernel.ground.names import OWN_TABLES
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.tools import Running
from lab.kernel.hold.by_hand import made_by_iptables, only, tables_of_iptables
from lab.kernel.hold.kinds import NFT_FAMILIES, saves
from lab.kernel.hold.network_state import NetworkReading, Start, printed, tools_in
from lab.kernel.hold.nf_tables import ChainKey, all_chains, tables
from lab.kernel.hold.tracked import tracked
from lab.kernel.stage.node import Node
from lab.record.node_state import ChangedBy, NodeState, Part
from lab.ruleset.applying.tools import TOOLS, single
from lab.ruleset.backend import Backend
from lab.ruleset.nft.normal_form import BARE_RULESET, COUNTED, has_values, of_nft, values_of
from lab.ruleset.normal_form import of_hashlimit, of_ipset, of_iptables, of_recent, read_printed, sets_written
from lab.ruleset.save import Ruleset

_IPSET = Path("/sys/module/ip_set")
_NET = Path("/proc/thread-self/net")
_LISTS: Mapping[str, Callable[[str, str], Part]] = {
    "xt_recent": of_recent, "ipt_hashlimit": of_hashlimit, "ip6t_hashlimit": of_hashlimit,
}  # fmt: skip


def state_of(node: Node, backend: Backend, texts: Mapping[str, str] | None = None) -> NodeState:
    """What the node holds now, whoever put it there.

    ``backend`` is the lab's: of both iptables it is the one that is called by its short name.  ``texts`` are rulesets by kind
    (``v4``, ``v6``), which tell the tables of ip_tables to an ordinary user, who may not read their names.
    Raises MeasurementError when it cannot be told.
    """
    with without_collection(), tools_in(node.namespace) as start:
        return _Reading(node, backend, texts or {}, start).state()


class _Reading:
    """The tools at work that print what a node holds."""

    def __init__(self, node: Node, backend: Backend, texts: Mapping[str, str], start: Start) -> None:
        self._node, self._backend, self._start = node, backend, start
        namespace = node.namespace
        self._saving = {
            (kind, of): [start(command) for command in saves(kind, of, names)]
            for of in Backend
            for kind, names in _tables(namespace, of, backend, texts).items()
        }
        native = any((table.family, table.name) not in OWN_TABLES for table in tables(namespace))
        self._listing = start(BARE_RULESET) if native else None
        self._sets = start(["ipset", "save"]) if _IPSET.exists() else None
        self._network = NetworkReading(namespace, start)
        # asked for while the tools print
        self._of_iptables: set[ChainKey] = made_by_iptables(namespace, all_chains(namespace))

    def state(self) -> NodeState:
        """All of it."""
        parts = [*self._rules(), *self._lists(), *self._network.parts(self._node.name, self._node.sysctls), *self._flows()]
        return NodeState(self._node.name, tuple(part for part in parts if part.lines))

    def _rules(self) -> Iterator[Part]:
        written: set[str] = set()
        for (kind, of), running in self._saving.items():
            ruleset = self._read("".join(map(self._text, running)))
            if of is Backend.NFT:
                ruleset = only(ruleset, NFT_FAMILIES[kind], self._of_iptables)
            written |= sets_written(ruleset.rules())
            yield from of_iptables(TOOLS[kind] if of is self._backend else single(kind, of), ruleset)
        if self._listing is not None:
            yield from self._native(self._text(self._listing))
        if self._sets is not None:
            yield from of_ipset(self._text(self._sets), written)

    def _read(self, printed: str) -> Ruleset:
        try:
            return read_printed(printed)
        except InputError as error:
            raise MeasurementError(Problem(f"{self._node.name}: what iptables-save prints cannot be read: {error}")) from error

    def _native(self, listing: str) -> Iterator[Part]:
        yield from of_nft(listing, self._of_iptables, OWN_TABLES.__contains__)
        if has_values(listing):
            for command in COUNTED:
                yield from values_of(self._text(self._start(command)), OWN_TABLES.__contains__)

    def _lists(self) -> Iterator[Part]:
        """What ``recent`` and ``hashlimit`` remember, by the names that rules gave their lists."""
        with self._node.namespace:
            files = [file for folder in _LISTS for file in sorted(_NET.glob(f"{folder}/*"))]
            found = [(file.parent.name, file.name, _content(file)) for file in files]
        for folder, name, text in found:
            yield _LISTS[folder](name, text)

    def _flows(self) -> Iterator[Part]:
        lines = tuple(f"{count} of {told}" for told, count in sorted(tracked(self._node.namespace).items()))
        yield Part("conntrack entries", "", "conntrack", lines, ChangedBy.PACKETS)

    def _text(self, running: Running) -> str:
        return printed(self._node.name, running)


def _tables(namespace: Namespace, of: Backend, backend: Backend, texts: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """The tables of iptables of one backend, by kind."""
    try:
        return tables_of_iptables(namespace, of, texts)
    except MeasurementError:
        if of is backend:
            raise
        return {}  # in a lab of the other backend an ordinary user cannot know


def _content(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""  # gone with its last rule
