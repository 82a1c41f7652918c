"""What is changed in one node: heard from the kernel, then read, compared with what was there before, and told in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from lab.kernel.ground.names import is_own_name
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.rtnetlink import dump, open_route_socket
from lab.kernel.ground.tools import find, run
from lab.kernel.hold.by_hand import legacy_tables
from lab.kernel.watch.change_events import Generation, NetworkEvents, Overrun, RuleEvents
from lab.kernel.watch.network_words import NetworkWords
from lab.record.debrief import NodeChange, Subject
from lab.ruleset.backend import Backend
from lab.ruleset.chain_texts import ChainText, differences, of_listing, of_save

_MOST = 40  # lines of one change that are told
_GETLINK, _GETADDR = 18, 22
_OWN = ("python", "lab")
_LOST = "more was changed than could be told one by one"


class Listener:
    """Hears what is changed in the node ``name``, from the moment it is made."""

    def __init__(self, name: str, namespace: Namespace, backend: Backend) -> None:
        self._name, self._namespace, self._backend = name, namespace, backend
        self._rules, self._network = RuleEvents(namespace), NetworkEvents(namespace)
        self._words = NetworkWords()
        self._learn()
        self._held = self._read()

    @property
    def descriptors(self) -> tuple[int, int]:
        """What is readable once something was changed."""
        return self._rules.descriptor, self._network.descriptor

    def changes(self, at: float) -> Iterator[NodeChange]:
        """What was changed since the last time; ``at`` is now."""
        yield from self._of_network(at)
        yield from self._of_rules(at)

    def look(self, at: float) -> Iterator[NodeChange]:
        """How the rules differ from what was last seen, whoever told of that."""
        if words := self._compare():
            yield NodeChange(at, self._name, Subject.RULES, "", words)

    def close(self) -> None:
        """Hear no more."""
        self._rules.close()
        self._network.close()

    def _of_rules(self, at: float) -> Iterator[NodeChange]:
        heard: list[Generation] = []
        try:
            heard += self._rules.read()
        except Overrun:
            yield NodeChange(at, self._name, Subject.OVERRUN, "", (_LOST,))
            yield from self.look(at)
            return
        if not heard:
            return
        words = (*self._compare(), *dict.fromkeys(line for one in heard for line in one.sets))
        who = ", ".join(dict.fromkeys(one.process for one in heard))
        if words or not who.startswith(_OWN):  # the lab makes what remembers fresh again: that is as it was
            yield NodeChange(at, self._name, Subject.RULES, who, words or ("loaded again, as it was",), heard[-1].pid)

    def _of_network(self, at: float) -> Iterator[NodeChange]:
        told: dict[Subject, list[str]] = {}
        try:
            for kind, data in self._network.read():
                if said := self._words.of(kind, data):
                    told.setdefault(said[0], []).append(said[1])
        except Overrun:
            yield NodeChange(at, self._name, Subject.OVERRUN, "", (_LOST,))
            self._learn()
        for subject, words in told.items():
            yield NodeChange(at, self._name, subject, "", _some(words))

    def _learn(self) -> None:
        """Know the links and addresses that are there."""
        with open_route_socket(self._namespace) as channel:
            for kind, size in ((_GETLINK, 16), (_GETADDR, 8)):
                for data in dump(channel, kind, bytes(size)):
                    self._words.of(int.from_bytes(data[4:6], sys.byteorder), data)

    def _compare(self) -> tuple[str, ...]:
        before, self._held = self._held, self._read()
        return _some(list(differences(before, self._held)))

    def _read(self) -> dict[str, ChainText]:
        found: dict[str, ChainText] = {}
        for tool, family in (("iptables", ""), ("ip6tables", "ip6")):
            for command in self._saves(tool):
                found |= of_save(self._print(command), family)
        if self._backend is Backend.NFT:
            tables = {name.rpartition(" ")[2].partition(":")[0]: name.startswith("ip6 ") for name in found}
            hidden = {f"{family} {table}" for table in tables for family in ("ip", "ip6")}
            listed = of_listing(self._print(["nft", "-s", "list", "ruleset"]), frozenset(hidden))
            found |= {name: chain for name, chain in listed.items() if not is_own_name(name.split()[1])}
        return found

    def _saves(self, tool: str) -> list[list[str]]:
        if self._backend is Backend.NFT:
            return [[f"{tool}-nft-save"]]
        # without root iptables-legacy-save prints nothing unless a table is named
        return [[f"{tool}-legacy-save", "-t", table] for table in dict.fromkeys(legacy_tables(self._namespace))]

    def _print(self, argv: Sequence[str]) -> str:
        done = run(self._namespace, argv) if find(argv[0]) else None
        return done.out if done is not None and done.code == 0 else ""


def _some(words: list[str]) -> tuple[str, ...]:
    left = len(words) - _MOST
    return (*words[:_MOST], f"and {left} more") if left > 0 else tuple(words)


