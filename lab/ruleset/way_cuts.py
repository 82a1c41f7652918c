"""Which ports the rules on a packet's way tell apart: those alone that may be about the packet, were its ports others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from math import inf
from typing import NamedTuple

from lab.record.packet import PROTOCOL_NAMES
from lab.record.path import Path
from lab.ruleset.aimed import Seen, may_match, seen_on
from lab.ruleset.conditions import DESTINATIONS, DPORTS, PORTS, SOURCES, SPORTS
from lab.ruleset.held import ChainKey, Chains, HeldChain, HeldRule
from lab.ruleset.port_cuts import Cuts, port_cuts
from lab.ruleset.rule import Ports

# of a flow's first packet; a rule that asks for DNAT or SNAT asks whether it was translated
_FIRST = ("NEW", "INVALID", "UNTRACKED", "DNAT", "SNAT")
_HIGHEST = {4: (1 << 32) - 1, 6: (1 << 128) - 1}
Range = tuple[int, int]


class _Telling(NamedTuple):
    """A rule that tells ports apart, or may (``cuts`` None); the addresses that it may be about, as far as one range says."""

    number: int
    sources: Range
    destinations: Range
    rule: HeldRule
    cuts: Cuts | None


class _ByHost(NamedTuple):
    """Rules that tell ports apart: those about one destination by that, and all others."""

    others: list[_Telling]
    hosts: dict[int, list[_Telling]]


class WayCuts:
    r"""What the rules of one node tell apart; they are read once, and asked for every packet that came by.

    ``own`` are the ports that questions come from, ``like`` the node's ipsets whose elements have
    no ports.

    >>> from lab.ruleset.held_save import chains_of_save
    >>> from lab.ruleset.save import read_save
    >>> from lab.written.expect.example import PASSED
    >>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dport 443 -j ACCEPT\nCOMMIT"
    >>> WayCuts(chains_of_save("ip", read_save(text)), ((32768, 60999),)).on(PASSED.path[0], first=True)
    (((443, 443),),)
    """

    def __init__(self, chains: Chains, own: Ports, like: Collection[str] = ()) -> None:
        self._own, self._like = own, like
        self._chains = chains
        self._named: dict[tuple[str, str], list[HeldChain]] = {}
        for chain in chains.values():
            self._named.setdefault((chain.table, chain.name), []).append(chain)
        self._telling: dict[tuple[ChainKey, str, int], _ByHost] = {}
        self._blocks: dict[tuple[tuple[str, str], int], Sequence[HeldChain]] = {}
        self._known: dict[object, Cuts | None] = {}

    def on(self, path: Path, *, first: bool) -> Cuts | None:
        """What tells the ports of this packet from others, None where that cannot be told.

        ``first`` tells that it is its flow's first packet, sent from one of the ports of questions.  Of a chain that it left
        by a rule, the rules behind that one are not asked: what is like it leaves there too.
        """
        proto = PROTOCOL_NAMES.get(path.entry.proto, str(path.entry.proto))
        seen = self._seen(path, first=first)
        ends = tuple(sorted(seen.sources or ())), tuple(sorted(seen.destinations or ()))
        found: dict[Ports, None] = {}
        for name in path.chains:
            last = _left_at(path, name)
            key = (name, last, proto, path.entry.family, ends, seen.sports, seen.left, first)
            if key not in self._known:
                self._known[key] = self._of_chain(name, last, proto, path.entry.family, seen, asks_sports=first)
            cuts = self._known[key]
            if cuts is None:
                return None
            found |= dict.fromkeys(cuts)
        return tuple(found)

    def _seen(self, path: Path, *, first: bool) -> Seen:
        seen = seen_on(path, states=_FIRST if first else None)
        ports = (path.entry.sport, path.exit.sport if path.exit is not None else path.entry.sport)
        within = all(port is not None and any(low <= port <= high for low, high in self._own) for port in ports)
        return replace(seen, sports=self._own if within else None)

    def _of_chain(
        self, name: tuple[str, str], last: float, proto: str, family: int, seen: Seen, *, asks_sports: bool
    ) -> Cuts | None:
        fields = (DPORTS, PORTS) if asks_sports else (DPORTS, PORTS, SPORTS)
        ends = [_numbers(known) for known in (seen.sources, seen.destinations)]
        found: list[Ports] = []
        for chain in self._with_blocks(name, family):
            # how far it came in a block is not known
            until = inf if chain.name != name[1] else last
            for one in self._of_rules(chain, proto, family, ends[1]):
                if one.number > until or not (_within(ends[0], one.sources) and _within(ends[1], one.destinations)):
                    continue
                if may_match(one.rule, seen, but=fields):
                    if one.cuts is None:
                        return None
                    found += one.cuts
        return tuple(found)

    def _with_blocks(self, name: tuple[str, str], family: int) -> Sequence[HeldChain]:
        """The chains of a name, and what their rules hold themselves in ``jump { … }``."""
        if (name, family) not in self._blocks:
            self._blocks[name, family] = list(self._found_blocks(name, family))
        return self._blocks[name, family]

    def _found_blocks(self, name: tuple[str, str], family: int) -> Iterator[HeldChain]:
        waiting = [chain for chain in self._named.get(name, ()) if chain.judges(family)]
        while waiting:
            chain = waiting.pop()
            yield chain
            waiting += (
                self._chains[key]
                for rule in chain.rules
                for jump in rule.jump_to
                if " " in jump and (key := (rule.family, rule.table, jump)) in self._chains
            )

    def _of_rules(
        self, chain: HeldChain, proto: str, family: int, destinations: tuple[int, ...] | None
    ) -> Iterator[_Telling]:
        """Those of a chain that may be about one of these destinations; most rules of long chains are about one host."""
        key = chain.key, proto, family
        if key not in self._telling:
            found = self._telling[key] = _ByHost([], {})
            for rule in chain.rules:
                cuts = port_cuts(rule, proto, self._own, self._like)
                if cuts != ():
                    to = _range(rule, DESTINATIONS, family)
                    one = _Telling(rule.number, _range(rule, SOURCES, family), to, rule, cuts)
                    (found.hosts.setdefault(to[0], []) if to[0] == to[1] else found.others).append(one)
        others, hosts = self._telling[key]
        yield from others
        for of in hosts.values() if destinations is None else filter(None, map(hosts.get, destinations)):
            yield from of


def _left_at(path: Path, name: tuple[str, str]) -> float:
    """The last rule of a chain that the packet can have come to: the last that it matched, if it went on elsewhere."""
    steps = [step for step in path.steps if (step.table, step.chain) == name]
    if not steps or steps[-1].verdict == "continue":
        return inf
    return max(inf if step.rule is None or step.rule.number is None else step.rule.number for step in steps)


def _numbers(addresses: Collection[str] | None) -> tuple[int, ...] | None:
    return None if addresses is None else tuple(int(ip_address(one)) for one in addresses)


def _within(numbers: tuple[int, ...] | None, asked: Range) -> bool:
    return numbers is None or any(asked[0] <= number <= asked[1] for number in numbers)


def _range(rule: HeldRule, field: str, family: int) -> Range:
    """The addresses outside of which the rule surely does not match; all where more than one prefix says it."""
    low, high = 0, _HIGHEST[family]
    for one in rule.of(field):
        if one.negated or len(one.values) != 1:
            continue
        try:
            prefix = ip_network(one.values[0], strict=False)
        except ValueError:
            continue
        if prefix.version == (6 if family == 6 else 4):
            low, high = max(low, int(prefix.network_address)), min(high, int(prefix.broadcast_address))
    return low, high
