r"""Which rules of a node a flow's packets may come to: read from the text, and only to leave out what surely cannot be met.

>>> from lab.ruleset.held_save import chains_of_save
>>> from lab.ruleset.save import read_save
>>> text = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p udp -j ACCEPT\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT"
>>> ways = Ways(topology, {"gateway": chains_of_save("ip", read_save(text))})
>>> flow = Flow(4, "tcp", ((443, 443),), "world", ("198.51.100.254",), "10.0.2.10", "web")
>>> [rule.number for _, rule in ways.rules(flow)]
[2]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.ruleset.aimed import Seen, may_hold
from lab.ruleset.conditions import ICMP_TYPES, Condition
from lab.ruleset.held import ChainKey, Chains, HeldRule, rules_of
from lab.ruleset.rule import Ports
from lab.ruleset.translated import may_turn_to, ports_after, turns
from lab.written.cell import FAMILIES
from lab.written.topology import Topology

_ECHO = frozenset(("8", "0", "128", "129", "echo-request", "echo-reply", "ping", "pong", "8/0", "0/0"))
_AT_DEVICES = frozenset(("ingress", "egress"))
_ALL = frozenset(("prerouting", "input", "forward", "output", "postrouting")) | _AT_DEVICES
_NOT_FIRST = ("ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
_ICMP = {4: "icmp", 6: "icmpv6"}


class Flow(NamedTuple):
    """What of a flow decides which rules it may meet.

    ``ports`` are its destination ports as it is sent, ``sports`` its source ports, none where its protocol has none; ``owner``
    the node that has the ``destination``, None where nobody has it.  ``states`` are those of its first packet in conntrack's
    words, None where any.
    """

    family: int
    proto: str
    ports: Ports
    node: str
    sources: Sequence[str]
    destination: str
    owner: str | None
    sports: Ports = ()
    states: Collection[str] | None = ("NEW",)


class _Packets(NamedTuple):
    """Packets of a flow that may come to a node: by which hooks, and what is known of them; ``errors`` are ICMP errors."""

    hooks: Collection[str]
    seen: Seen
    errors: bool = False


class Way:
    """What of one flow may come to one node."""

    def __init__(
        self, chains: Chains, leading: Mapping[ChainKey, Sequence[HeldRule]], packets: Sequence[_Packets], family: int
    ) -> None:
        self._chains, self._leading, self._packets, self._family = chains, leading, packets, family
        self._known: dict[tuple[int, ChainKey], bool] = {}

    def may_come(self, rule: HeldRule, gates: Sequence[Condition]) -> bool:
        """Whether one of its packets may come to the rule and find these conditions to hold."""
        return any(
            self._holds(gates, packets) and self._enters(rule.key, number, packets)
            for number, packets in enumerate(self._packets)
        )

    def _holds(self, conditions: Sequence[Condition], packets: _Packets) -> bool:
        if packets.errors and any(
            one.field == ICMP_TYPES and not one.negated and _ECHO.issuperset(one.values) for one in conditions
        ):
            return False
        return may_hold(conditions, packets.seen)

    def _enters(self, key: ChainKey, number: int, packets: _Packets) -> bool:
        """Whether one of the packets may come into a chain: by its hook, or led by a rule that it may match."""
        known = self._known.get((number, key))
        if known is None:
            self._known[number, key] = False  # what leads round in a circle leads in from nowhere
            chain = self._chains.get(key)
            known = chain is not None and chain.judges(self._family) and (
                (chain.hook is not None and chain.hook in packets.hooks)
                or any(
                    self._holds(rule.conditions, packets) and self._enters(rule.key, number, packets)
                    for rule in self._leading.get(key, ())
                )
            )
            self._known[number, key] = known
        return known


class Ways:
    """The rules of all nodes, by the chains that lead to them."""

    def __init__(self, topology: Topology, held: Mapping[str, Chains]) -> None:
        self._topology = topology
        self._held = held
        self._leading: dict[str, dict[ChainKey, list[HeldRule]]] = {}
        self._forwarding = sum(node.forwards for node in topology.nodes.values())
        self._turning = {
            family: [rule for chains in held.values() for rule in rules_of(chains, family) if turns(rule)]
            for family in FAMILIES
        }
        self._to_itself = {
            (node, family) for node, chains in held.items() for family in FAMILIES
            if any(may_turn_to(rule, topology.addresses(node, family)) for rule in rules_of(chains, family))
        }  # fmt: skip
        self._rewriting = {
            node for node, chains in held.items()
            if any(rule.translates == "source" or rule.target == "NETMAP" for rule in rules_of(chains))
        }  # fmt: skip

    def rules(self, flow: Flow) -> Iterator[tuple[str, HeldRule]]:
        """Every rule that some packet of the flow may match, with its node."""
        for node, chains in self._held.items():
            way = self.to(node, flow)
            for rule in rules_of(chains, flow.family):
                if way.may_come(rule, rule.conditions):
                    yield node, rule

    def to(self, node: str, flow: Flow, *, first: bool = False) -> Way:
        """What of the flow may come to this node; of its ``first`` packet alone."""
        packets = [self._first(node, flow)] if first else [*self._later(node, flow), self._first(node, flow)]
        if node not in self._leading:
            self._leading[node] = _leading(self._held[node])
        return Way(self._held[node], self._leading[node], packets, flow.family)

    def _first(self, node: str, flow: Flow) -> _Packets:
        seen = Seen(
            flow.proto, sources=None if self._rewriting - {node} else flow.sources, destinations=(flow.destination,),
            sports=flow.sports or None, dports=flow.ports or None,
            states=None if flow.states is None else (*flow.states, "UNTRACKED"),
        )  # fmt: skip
        ports = ports_after(self._turning[flow.family], seen)
        if ports is not None:
            seen = replace(seen, destinations=None, dports=ports or None)
        if node == flow.node:
            hooks = {"output", "postrouting"} | ({"prerouting", "input"} if flow.owner == node or ports is not None else set())
            return _Packets(hooks | _AT_DEVICES, seen)
        hooks = {"prerouting"}
        if flow.owner == node or (node, flow.family) in self._to_itself:
            hooks.add("input")
        if flow.owner != node or ports is not None:
            hooks |= {"forward", "postrouting"}
        return _Packets(hooks | _AT_DEVICES, replace(seen, entered=self._entered(node, flow.node)))

    def _later(self, node: str, flow: Flow) -> Iterator[_Packets]:
        """Packets of the request behind its first, answers, and errors about them: where these come from is not known."""
        ends = node in (flow.node, flow.owner) or (node, flow.family) in self._to_itself
        hooks = _ALL if ends else _ALL - {"input"}
        ports = None
        if flow.ports and flow.sports:
            seen = Seen(flow.proto, dports=flow.ports)
            ports = (*(ports_after(self._turning[flow.family], seen) or flow.ports), *flow.sports)
        yield _Packets(hooks, Seen(flow.proto, dports=None if ports is None else tuple(sorted(ports)), states=_NOT_FIRST))
        yield _Packets(hooks, Seen(_ICMP[flow.family], states=_NOT_FIRST), errors=True)

    def _entered(self, node: str, sender: str) -> Sequence[str] | None:
        """By which interfaces the sender's packets come, where they can take no way round."""
        if self._forwarding > 1:
            return None
        nodes = self._topology.nodes
        networks = {interface.network for interface in nodes[sender].interfaces.values()}
        return [name for name, interface in nodes[node].interfaces.items() if interface.network in networks] or None


def _leading(chains: Chains) -> dict[ChainKey, list[HeldRule]]:
    """The rules that lead to each chain."""
    found: dict[ChainKey, list[HeldRule]] = {}
    for rule in rules_of(chains):
        for name in rule.jump_to:
            found.setdefault((rule.family, rule.table, name), []).append(rule)
    return found
