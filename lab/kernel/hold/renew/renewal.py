"""What the rules of one node remember, made fresh where it stands; which technique is for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lab.kernel.hold.held import Held
from lab.kernel.hold.renew.channel import Channel, NotInPlace
from lab.kernel.hold.renew.legacy import renew_tables
from lab.kernel.hold.renew.names import Names
from lab.kernel.hold.renew.objects import Objects
from lab.kernel.hold.renew.own_rules import OwnRules
from lab.kernel.hold.renew.sets import NativeSets, renew_ipsets
from lab.kernel.stage.node import Node
from lab.ruleset.backend import Backend
from lab.ruleset.held import HeldRule, rules_of
from lab.ruleset.memory import Kind, Memory

Uses = Mapping[Memory, Sequence[HeldRule]]
"""Memories of one node, each with the rules that use it."""

Technique = Callable[[Uses], None]
"""Makes all of them fresh, or raises NotInPlace and has changed nothing."""

_OWN = frozenset((Kind.LIMIT, Kind.QUOTA, Kind.NTH, Kind.COUNT))
_NAMED = frozenset((Kind.HASHLIMIT, Kind.RECENT))


class Renewal:
    """Makes what a node's rules remember fresh, from now until `close`.

    ``fresh`` tells that nothing has come to the rules yet: then it reads what cannot be told later on, how much of a quota of
    nft was used and which elements its sets held.
    """

    def __init__(self, node: Node, held: Held, *, fresh: bool) -> None:
        self._node, self._held = node, held
        self._channel = Channel(node.namespace)
        self._own = OwnRules(self._channel, held.index)
        native = [rule for rule in rules_of(held.native) if rule.remembers]
        self._sets = NativeSets(self._channel)
        if fresh:
            self._own.see(rule for rule in native if "quota " in rule.text)
            self._sets.see(native)
        self._objects = Objects(self._channel, self._own, sorted({rule.key[:2] for rule in native}), fresh=fresh)
        self._names = Names(node.namespace, held, self._own)

    def renew(self, uses: Uses) -> frozenset[Memory]:
        """Make these memories fresh, and return those that cannot be in place; the network has to be at rest.

        Raises MeasurementError when it is not known what the node holds afterwards.
        """
        groups: dict[Technique, dict[Memory, Sequence[HeldRule]]] = {}
        for memory, rules in uses.items():
            native = any(rule.is_native for rule in rules)
            groups.setdefault(self._technique(memory, native=native), {})[memory] = rules
        return frozenset().union(*(_renewed(technique, mine) for technique, mine in groups.items()))

    def _technique(self, memory: Memory, *, native: bool) -> Technique:
        if memory.kind is Kind.SET:
            return self._sets.renew if memory.table else self._ipsets
        if memory.kind is Kind.RECENT and self._names.emptied(memory):
            return _done
        if self._held.backend is Backend.LEGACY and not native:
            return self._legacy if memory.kind in _OWN | _NAMED else _none
        if memory.kind in _OWN:
            return self._own.renew
        return self._names.renew if memory.kind in _NAMED else self._objects.renew if memory.kind is Kind.OBJECT else _none

    def _ipsets(self, uses: Uses) -> None:
        renew_ipsets(self._node.namespace, self._held.texts.get("ipset", ""), (memory.name for memory in uses))

    def _legacy(self, uses: Uses) -> None:
        named = [rule for memory in uses if memory.kind in _NAMED for rule in self._names.users(memory)]
        rules = [*named, *(rule for rules in uses.values() for rule in rules)]
        renew_tables(self._node.namespace, sorted({rule.key[:2] for rule in rules}), emptied=bool(named))

    def close(self) -> None:
        """Let go of the node."""
        self._channel.close()


def _done(_: Uses) -> None:
    """It was done at once."""


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
