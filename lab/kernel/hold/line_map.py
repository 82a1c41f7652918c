"""Which line of a rendered text each rule came from: a copy that carries line numbers, in a namespace that is thrown away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, count

from lab.errors import MachineError
from lab.kernel.ground.namespace import Home, Namespace
from lab.kernel.ground.rtnetlink import Link, carry_out, new_veth
from lab.kernel.ground.tools import Running
from lab.kernel.hold.kinds import NFT_FAMILIES, begin, refusal, saves, tables_in
from lab.kernel.hold.nf_tables import kernel_rules, ranks
from lab.ruleset import ipset
from lab.ruleset.backend import Backend
from lab.ruleset.held import block_name
from lab.ruleset.held_save import Lines
from lab.ruleset.lines import counted_lines, lines_of, lines_of_comments, with_line_comments, with_line_counters
from lab.ruleset.nft.script import with_line_counters as with_nft_counters
from lab.ruleset.rulesets import Rulesets
from lab.written.topology import Topology

_FIRST_INDEX = 2  # the loopback's is 1


@dataclass(frozen=True, slots=True)
class NodeLines:
    """The lines of one node's rules by kind; the table of an nft script has its family before it, ``inet filter``.

    Those of ``counted`` were found by counting, which holds if each line is one rule.
    """

    by_kind: Mapping[str, Lines]
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownLines:
    """Lines that were found before."""

    lines: NodeLines

    def begin(self) -> None:
        """Nothing has to be done."""

    def sources(self) -> NodeLines:
        """The lines."""
        return self.lines


class LineMap:
    """Finds the lines of one node's ``rulesets``.

    The copy's packet counters are line numbers, and the kernel gives them back with the rules, whatever ``-I`` or
    ``-s a,b`` made of their order and number.  It works beside the caller from the moment it is made.
    ``interfaces`` are the names of the node's: an nft script may insist on them.  Without ``accept`` a text whose lines can be
    counted is not loaded to see whether it can be.
    """

    def __init__(
        self, home: Home, rulesets: Rulesets, backend: Backend, interfaces: Collection[str] = (), *, accept: bool = True
    ) -> None:
        self._texts = dict(rulesets.parts())
        self._counted = {
            kind: lines
            for kind, text in self._texts.items()
            if kind in NFT_FAMILIES and (lines := counted_lines(text.text)) is not None
        }
        asked = [kind for kind in self._texts if accept or kind not in self._counted]
        self._backend = backend
        self._namespace = Namespace(home)
        self._running: dict[str, Running] = {}
        self._saving: dict[str, list[Running]] = {}
        self._found: NodeLines | None = None
        try:
            if rulesets.nft is not None:
                _make_links(self._namespace, interfaces)
            if rulesets.ipset is not None and asked != ["ipset"]:
                self._start("ipset", ipset.definitions(rulesets.ipset.text))
                self._finish("ipset")
            for kind in asked:
                if kind != "ipset":
                    self._start_copy(kind, self._texts[kind].text)
        except BaseException:
            self.close()
            raise

    def _start_copy(self, kind: str, text: str) -> None:
        if kind == "nft":
            self._start(kind, with_nft_counters(text))
        elif kind in self._counted:
            self._start(kind, text)
        elif self._has_counters(kind):
            self._start(kind, with_line_counters(text), "-c")
        else:
            self._start(kind, with_line_comments(text))

    def _has_counters(self, kind: str) -> bool:
        return kind == "v4" or (kind == "v6" and self._backend is Backend.LEGACY)

    def _start(self, kind: str, text: str, *options: str) -> None:
        self._running[kind] = begin(self._namespace, kind, self._backend, self._texts[kind], text, *options)

    def _finish(self, kind: str) -> None:
        done = self._running.pop(kind).finish()
        if done.code != 0:
            raise refusal(kind, self._backend, done, self._texts[kind])

    def begin(self) -> None:
        """Wait for the copies, and have them printed; InputError or MachineError when a ruleset is refused."""
        for kind in tuple(self._running):
            self._finish(kind)
        for kind, rendered in self._texts.items():
            if kind in NFT_FAMILIES and kind not in self._saving and kind not in self._counted:
                commands = saves(kind, self._backend, tables_in(rendered.text))
                self._saving[kind] = [Running(self._namespace, [*command, "-c"]) for command in commands]

    def sources(self) -> NodeLines:
        """The template's file and line of each rule, found once; raises as `begin`."""
        if self._found is None:
            self.begin()
            found = {kind: self._nft() if kind == "nft" else self._iptables(kind) for kind in self._texts if kind != "ipset"}
            self._found = NodeLines(found, frozenset(self._counted))
        return self._found

    def _iptables(self, kind: str) -> Lines:
        rendered = self._texts[kind]
        if kind in self._counted:
            return {place: rendered.source(line) for place, line in self._counted[kind].items()}
        saved = "".join(running.finish().out for running in self._saving[kind])
        lines = lines_of(saved) if self._has_counters(kind) else lines_of_comments(saved, rendered.text)
        return {place: rendered.source(line) for place, line in lines.items()}

    def _nft(self) -> Lines:
        found: dict[tuple[str, str, int], str | None] = {}
        count: dict[tuple[str, str, str], int] = {}
        rules = list(kernel_rules(self._namespace, counters=True))
        made = ranks({rule.key for rule in rules})
        for rule in rules:
            family, table, name = rule.key
            count[rule.key] = number = count.get(rule.key, 0) + 1
            place = f"{family} {table}", block_name(made[rule.key]) if rule.key in made else name, number
            found[place] = self._texts["nft"].source(rule.packets)
        return found

    def close(self) -> None:
        """Throw the namespace away."""
        for running in (*self._running.values(), *chain.from_iterable(self._saving.values())):
            running.stop()
        self._namespace.close()


def _make_links(namespace: Namespace, names: Collection[str]) -> None:
    """Links of the node's names: nft refuses a rule with ``iif`` or ``device`` where there is none."""
    indexes = count(_FIRST_INDEX)
    pairs = [(_link(name, next(indexes)), _link(f"{number}@", next(indexes))) for number, name in enumerate(names)]
    carry_out("a copy of the rules", namespace, [new_veth(*pair, namespace) for pair in pairs], MachineError)


def _link(name: str, index: int) -> Link:
    return Link(name, index, b"\2\0" + index.to_bytes(4, "big"))


def find_lines(
    topology: Topology, policies: Mapping[str, Rulesets], backend: Backend = Backend.NFT
) -> dict[str, NodeLines]:
    """The template line of each rule of the ``policies`` of ``topology``'s nodes.

    They are found by loading them into namespaces that are thrown away.

    Raises InputError for a ruleset that the kernel refuses, MachineError for a match or target that this machine lacks:
    before anything is built.
    """
    with ExitStack() as undo:
        home = Home()
        undo.callback(home.close)
        maps = {}
        for name, rulesets in policies.items():
            maps[name] = LineMap(home, rulesets, backend, topology.nodes[name].devices)
            undo.callback(maps[name].close)
        return {name: lines.sources() for name, lines in maps.items()}
