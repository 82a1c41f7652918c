"""What the rules of one node remember, made fresh where it stands; which technique is for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lab.kernel.hold.held import Held
from lab.kernel.hold.renew.channel import Channel, NotInPlace
from lab.kernel.hold.renew.own_rules import OwnRules
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.held import HeldRule
from lab.ruleset.memory import Kind, Memory

Uses = Mapping[Memory, Sequence[HeldRule]]
"""Memories of one node, each with the rules that use it."""

Technique = Callable[[Uses], None]
"""Makes all of them fresh, or raises NotInPlace and has changed nothing."""

OWN = frozenset((Kind.LIMIT, Kind.QUOTA, Kind.NTH, Kind.COUNT))


class Renewal:
    """Makes what a node's rules remember fresh, from now until `close`.

    Made right after a load, when nothing has come to the rules yet: it reads what cannot be told later on.
    """

    def __init__(self, node: Node, held: Held) -> None:
        self._channel = Channel(node.namespace)
        self._own = OwnRules(self._channel, held.index)
        self._techniques: Mapping[Kind, Technique] = {}
        if held.backend is Backend.NFT:
            self._techniques = dict.fromkeys(OWN, self._own.renew)
        self._own.see(rule for chain in held.native.values() for rule in chain.rules if " quota " in f" {rule.text} ")

    def renew(self, uses: Uses) -> frozenset[Memory]:
        """Make these memories fresh, and return those that cannot be in place; the network has to be at rest.

        Raises MeasurementError when it is not known what the node holds afterwards.
        """
        groups: dict[Technique, dict[Memory, Sequence[HeldRule]]] = {}
        for memory, rules in uses.items():
            groups.setdefault(self._techniques.get(memory.kind, _none), {})[memory] = rules
        return frozenset().union(*(_renewed(technique, mine) for technique, mine in groups.items()))

    def close(self) -> None:
        """Let go of the node."""
        self._channel.close()


def _none(_: Uses) -> None:
    raise NotInPlace("no technique is known")


def _renewed(technique: Technique, uses: Uses) -> frozenset[Memory]:
    """Those that are left: all in one transaction, and one by one where some rule does not bear it."""
    try:
        technique(uses)
    except NotInPlace:
        if len(uses) == 1:
            return frozenset(uses)
        return frozenset().union(*(_renewed(technique, {memory: rules}) for memory, rules in uses.items()))
    return frozenset()
