"""Which rules the packets of a flow may meet, as far as the text of the rules and the topology surely tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from lab.ruleset.aimed import Seen, conditions_may_hold, may_match
from lab.ruleset.conditions import DPORTS, ICMP_TYPES, PROTO
from lab.ruleset.flow import Flow
from lab.ruleset.held import ChainKey, Chains, HeldChain, HeldRule, admits, rules_of
from lab.ruleset.nft.rule import new_destination
from lab.ruleset.rule import PORT_MAX, Ports, overlap, read_ports
from lab.written.topology import Topology

_ANY_PORT: Ports = ((0, PORT_MAX),)
_SOURCE_PORTS: Ports = ((1024, PORT_MAX),)
# An answer goes to the probe's source port.  A rule for a few high ports meets it by chance alone; one for many will.
_BROAD = 100
_ECHO = frozenset(("8", "0", "128", "129", "echo-request", "echo-reply", "ping", "pong", "8/0", "0/0"))
_BEFORE_NAT = frozenset(("raw", "mangle", "nat"))
_ADDRESSES_ALONE = frozenset(("NETMAP", "DNPT"))
_TO_ITSELF = frozenset({"REDIRECT", "TPROXY", "redirect", "tproxy"})
_AT_DEVICES = ("ingress", "egress")
_UNTRACKED = ("notrack", "NOTRACK", "--notrack")
# headers that a rule writes itself: what is known of the packet is then no longer so
_REWRITES = re.compile(r"(?<![\w/.@-])(?:ip6?|tcp|udp|th|@\w+,\d+,\d+) \w+ set ")


class _Known(NamedTuple):
    """What is known of a flow at every node: where addresses may have been changed, and what its ports may have become."""

    sources_changed: frozenset[str]
    destination_changed: frozenset[str]
    translated: Ports
    untracked: bool


class Ways:
    """The rules that a flow may meet; ``held`` are the chains of each node.

    A rule counts unless something speaks against it for sure: protocol, family, ports and addresses before and after a
    translation, interfaces where the topology tells them, and for a flow's first packet its state.
    """

    def __init__(self, topology: Topology, held: Mapping[str, Chains]) -> None:
        self._topology = topology
        self._chains = {
            (node, family): {key: chain for key, chain in chains.items() if chain.judges(family)}
            for node, chains in held.items()
            for family in (4, 6)
        }
        self._to_itself = {
            (node, family)
            for (node, family), chains in self._chains.items()
            if any(_may_turn_to(rule, topology.addresses(node, family)) for rule in rules_of(chains))
        }
        self._translating = {
            place: tuple(rule for rule in rules_of(chains) if rule.translates is not None)
            for place, chains in self._chains.items()
        }
        self._rewriting = {
            family: any(
                rule.is_native and " set " in rule.text and _REWRITES.search(rule.text)
                for (_, of), chains in self._chains.items() if of == family for rule in rules_of(chains)
            )
            for family in (4, 6)
        }  # fmt: skip
        self._jumps: dict[tuple[str, int], Mapping[ChainKey, Sequence[HeldRule]]] = {}
        self._led_to: dict[tuple[str, int, ChainKey], frozenset[ChainKey]] = {}
        self._untracked = any(
            word in rule.text for chains in held.values() for rule in rules_of(chains) for word in _UNTRACKED
        )
        self._forwarding = {
            name
            for name, node in topology.nodes.items()
            if node.passes_on or any("forward" in sysctl for sysctl in node.sysctls)
        }

    def met(
        self, flow: Flow, *, first: bool, among: Mapping[str, Sequence[HeldRule]], or_writes: bool = False
    ) -> Iterator[tuple[str, HeldRule]]:
        """Each rule ``among`` these of each node that a packet of the flow may match, with its node; some are told twice.

        With ``first`` of its first packet alone: the request before there is any answer or error.  Rulesets are long and such
        rules are few, so from each of them the chains are searched backwards that lead to it.  With ``or_writes`` also each
        rule that it may change something of and not match: `-m limit` before `--dport` counts packets to every port.
        """
        known = self._known(flow)
        for node, rules in among.items():
            chains = self._chains[node, flow.family]
            leading = self._leading(node, flow.family)
            for begin in chains.values() if rules else ():
                below = self._below(node, flow.family, begin.key)
                here = [rule for rule in rules if rule.key in below]
                if not here or not self._enters(flow, node, begin, first=first):
                    continue
                for view in self._views(flow, node, begin, known, first=first):
                    entered = {begin.key: True}
                    for rule in here:
                        meets = view.may_match(rule) or (or_writes and view.may_write(rule))
                        if meets and _led(rule.key, view, leading, entered):
                            yield node, rule

    def _below(self, node: str, family: int, begin: ChainKey) -> frozenset[ChainKey]:
        """The chain itself, and every one that it can lead to, whatever the packet."""
        found = self._led_to.get((node, family, begin))
        if found is None:
            chains, seen, waiting = self._chains[node, family], {begin}, [begin]
            while waiting:
                for rule in chains[waiting.pop()].rules:
                    new = {(rule.family, rule.table, name) for name in rule.jump_to}.intersection(chains) - seen
                    seen |= new
                    waiting += new
            found = self._led_to[node, family, begin] = frozenset(seen)
        return found

    def _leading(self, node: str, family: int) -> Mapping[ChainKey, Sequence[HeldRule]]:
        """The rules that lead to each chain."""
        if (node, family) not in self._jumps:
            found: dict[ChainKey, list[HeldRule]] = {}
            for rule in rules_of(self._chains[node, family]):
                for name in rule.jump_to:
                    found.setdefault((rule.family, rule.table, name), []).append(rule)
            self._jumps[node, family] = found
        return self._jumps[node, family]

    def _enters(self, flow: Flow, node: str, chain: HeldChain, *, first: bool) -> bool:
        """Whether a packet may come to a base chain: to INPUT only where its address may be the node's, or is many's."""
        if chain.hook is None or chain.family == "bridge":
            # what a router passes on is in and out of its own bridge by these hooks
            return chain.hook is not None
        if chain.hook == "input":
            return node in flow.ends or self._is_to_many(flow) or (node, flow.family) in self._to_itself
        # a REJECT's answer is the node's own, and no first packet
        return not first or chain.hook != "output" or flow.node in (None, node) or flow.proto == "any"

    def _is_to_many(self, flow: Flow) -> bool:
        return flow.destination is not None and not self._topology.can_send(flow.destination)

    def _known(self, flow: Flow) -> _Known:
        """Follow what the rules of all nodes may do to the flow's addresses and ports, until nothing more is added."""
        ports: Ports = flow.ports
        rewritten = self._rewriting[flow.family]
        changed: set[str] = set()
        sources: set[str] = set()
        for _ in range(4):
            seen = Seen(_name(flow.proto), dports=ports or None)
            more: list[tuple[int, int]] = list(ports)
            for (node, family), rules in self._translating.items():
                for rule in rules if family == flow.family else ():
                    if not _about(rule, flow.proto, seen, answers=False):
                        continue
                    if rule.translates == "source":
                        sources.add(node)
                    else:
                        changed.add(node)
                        if ports and rule.target not in _ADDRESSES_ALONE:
                            more += ports_given(rule)
            grown = tuple(sorted(set(more)))
            if grown == tuple(sorted(ports)):
                break
            ports = grown
        else:
            ports = _ANY_PORT
        if rewritten:
            everywhere = frozenset(self._topology.nodes)
            return _Known(everywhere, everywhere, _ANY_PORT if ports else ports, self._untracked)
        return _Known(frozenset(sources), frozenset(changed), ports, self._untracked)

    def _views(self, flow: Flow, node: str, begin: HeldChain, known: _Known, *, first: bool) -> Iterator[_View]:
        """What a packet of the flow may be as it comes to a base chain: the request; not ``first`` also an answer, an error."""
        proto = _name(flow.proto)
        late = begin.hook in ("postrouting", "input", *_AT_DEVICES)
        moved = bool(known.sources_changed - {node}) or (late and node in known.sources_changed)
        sources = None if moved else flow.sources
        # where a native chain stands before or behind NAT is a matter of priorities: either may be the one
        of_iptables = bool(begin.rules) and not begin.rules[0].is_native
        before_nat = of_iptables and begin.hook in ("prerouting", "output") and begin.table in _BEFORE_NAT
        changed = known.destination_changed - ({node} if before_nat else set())
        destinations = None if changed or flow.destination is None else (flow.destination,)
        asked = known.translated if changed else flow.ports
        states: tuple[str, ...] | None = None if not first or proto not in ("tcp", "udp") else ("NEW",)
        if states and (flow.ack or begin.hook in ("prerouting", "output", *_AT_DEVICES)):
            states = (*states, "INVALID")  # before conntrack has seen it, it has no flow
        if states and known.untracked:
            states = (*states, "UNTRACKED")
        left = ("",) if begin.hook in ("input", "prerouting") else None
        entered = self._entered(flow, node, begin)
        request = Seen(proto, sources, destinations, None, asked or None, entered, left, states)
        yield _View(request, begin, proto)
        if not first:
            asking: Ports = ((flow.sport, flow.sport),) if flow.sport is not None else ()
            anybody = self._is_to_many(flow)  # who heard it answers from an address of its own, maybe to everybody
            answer = Seen(
                proto, None if known.destination_changed or flow.destination is None or anybody else (flow.destination,),
                None if known.sources_changed or anybody else flow.sources, known.translated or None,
                asking or (() if flow.ports else None), None,
                ("",) if begin.hook == "output" else None, left,
            )  # fmt: skip
            yield _View(answer, begin, proto, answers=True)
            for icmp in ("icmp", "icmpv6"):
                if proto not in (icmp, "any"):
                    yield _View(Seen(icmp), begin, proto, is_error=True)

    def _entered(self, flow: Flow, node: str, begin: HeldChain) -> tuple[str, ...] | None:
        """By which interfaces a request may come: those on a network of its sender, or of another node that forwards."""
        if begin.family == "bridge":
            return None
        if begin.hook == "output":
            return ("",)
        if flow.node is None or flow.node not in self._topology.nodes:
            return None
        neighbours = {flow.node, *self._forwarding} - ({node} if node != flow.node else set())
        networks = {one.network for name in neighbours for one in self._topology.nodes[name].interfaces.values()}
        own = self._topology.nodes[node].interfaces.items()
        return (*(name for name, one in own if one.network in networks), *(("", "lo") if node == flow.node else ()))


_NOT_ASKED = frozenset((DPORTS,))  # `_about` reads ports itself
_NOT_ASKED_OF_ANY = _NOT_ASKED | {PROTO}


class _View(NamedTuple):
    """What one packet may be where it comes to a base chain."""

    seen: Seen
    begin: HeldChain
    flow: str
    answers: bool = False
    is_error: bool = False

    def may_match(self, rule: HeldRule) -> bool:
        if self.is_error:
            return _may_match_an_error(rule, self.begin.hook, self.flow, self.seen.proto)
        return _about(rule, self.flow, self.seen, answers=self.answers)

    def may_write(self, rule: HeldRule) -> bool:
        """Whether what stands before a part that remembers may hold: it then counts what the rule does not match."""
        but = (*((DPORTS,) if self.answers else ()), *((PROTO,) if _name(self.flow) == "any" else ()))
        return any(
            use.writes and not use.matched_alone and conditions_may_hold(use.gates, self.seen, but=but) for use in rule.uses
        )

def _led(
    key: ChainKey, view: _View, leading: Mapping[ChainKey, Sequence[HeldRule]], entered: dict[ChainKey, bool]
) -> bool:
    """Whether the packet may be led to a chain; ``entered`` is what is known of chains by now, first that it begins in one."""
    known = entered.get(key)
    if known is None:
        entered[key] = False  # the kernel refuses chains that lead round in a circle
        known = entered[key] = any(
            view.may_match(rule) and _led(rule.key, view, leading, entered) for rule in leading.get(key, ())
        )
    return known


def _name(proto: str) -> str:
    return {"ipv6-icmp": "icmpv6"}.get(proto.lower(), proto.lower())


def _about(rule: HeldRule, proto: str, seen: Seen, *, answers: bool) -> bool:
    """Whether a packet of the flow, and no error about it, may match the rule."""
    if proto != "any" and not rule.is_about(proto):
        return False
    dports = rule.ports(DPORTS)
    asked = dports is None or seen.dports is None or bool(overlap(dports, seen.dports))
    answered = answers and dports is not None and any(high - low >= _BROAD for low, high in overlap(dports, _SOURCE_PORTS))
    return (asked or answered) and may_match(rule, seen, but=_NOT_ASKED_OF_ANY if proto == "any" else _NOT_ASKED)


@lru_cache(65_536)  # an error may be about any address: the answer is the same for every flow of a protocol
def _may_match_an_error(rule: HeldRule, hook: str | None, proto: str, icmp: str) -> bool:
    """Whether an ICMP error about the flow could match the rule: the node's own REJECT, or one from further on."""
    if hook == "input" or (hook in ("forward", "prerouting") and proto == "tcp"):
        return False
    return _may_be_an_error(rule) and may_match(rule, Seen(icmp))


def _may_be_an_error(rule: HeldRule) -> bool:
    """Whether the rule may be about ICMP errors."""
    if not any(all(admits(one, icmp) for one in rule.of(PROTO)) for icmp in ("icmp", "icmpv6")):
        return False
    return not any(_ECHO.issuperset(one.values) and not one.negated for one in rule.of(ICMP_TYPES))


def _may_turn_to(rule: HeldRule, own: Collection[str]) -> bool:
    """Whether the rule may send a packet to one of these addresses, its node's own, or to a socket of the node."""
    if not rule.statements.isdisjoint(_TO_ITSELF):
        return True
    if rule.target not in ("DNAT", "dnat"):
        return False
    address = rule.new_address
    return address is None or address in own or "-" in address


def ports_given(rule: HeldRule) -> Ports:
    """The ports that this rule may put in place of a flow's own; none where it leaves the port alone.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> ports_given(rule_in_line("v4", "-A PREROUTING -p tcp --dport 2222 -j DNAT --to-destination 10.0.2.10:22"))
    ((22, 22),)
    """
    if rule.is_native:
        new = new_destination(rule.text).ports
        return () if new == "" else read_ports((new or "").replace("-", ":")) or _ANY_PORT
    if rule.to is None:
        return () if rule.target == "REDIRECT" else _ANY_PORT
    if rule.target == "REDIRECT":
        given = rule.to
    else:
        # Only a v6 address in brackets can have a port behind it.
        port = re.search(r"(?:^|\]|^[^:\[\]]*):([^:\]]+)\Z", rule.to)
        if port is None:
            return ()
        given = port[1]
    return read_ports(given.partition("/")[0].replace("-", ":")) or _ANY_PORT
