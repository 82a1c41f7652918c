"""Which rule a trace message means: the kernel's handles against what the tools print, both in the kernel's own order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from lab.errors import MeasurementError, Problem
from lab.kernel.hold.nf_tables import BaseChain, ChainKey
from lab.record.path import Rule
from lab.ruleset.describe import described
from lab.ruleset.held_save import Lines, held_rule
from lab.ruleset.rule import SavedRule
from lab.ruleset.save import Ruleset

_BUILT_IN = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})
# What iptables calls the places that native base chains stand at, where its word is not the chain's type.
_KINDS = {"prerouting": "raw", "ingress": "raw", "egress": "mangle", "postrouting": "mangle"}

Key = tuple[str, str, str, int]  # family, table, chain, handle; handle 0 is the chain's policy
Record = Rule | Callable[[], Rule]  # few of many rules are ever met, so most records are never made


class RulePlace(NamedTuple):
    """A base chain's ``hook``, and what it is for (``kind``) in the words of iptables' tables."""

    hook: str
    kind: str


class RuleIndex:
    """The rules of one node by family, table, chain and handle (handle 0 is the chain's policy), and its base chains."""

    def __init__(self, node: str, rules: Mapping[Key, Record], chains: Mapping[ChainKey, BaseChain] | None = None) -> None:
        self._node = node
        self._rules = dict(rules)
        self._given = [key for key in rules if key[3]]
        self._names = {
            key[:3]: record.chain for key, record in rules.items() if isinstance(record, Rule) and record.chain != key[2]
        }
        self._chains = {} if chains is None else {key: _place(key, chain) for key, chain in chains.items()}

    def find(self, family: str, table: str, chain: str, handle: int) -> Rule:
        """The rule with this handle, or the policy; a rule that no tool shows is named by its handle."""
        rule = self.numbered(family, table, chain, handle)
        if rule is None:
            text = f"(handle {handle}, which no tool lists)" if handle else f"(the policy of {chain})"
            rule = Rule(self._node, table, chain, handle or None, text, family=family)
            self._rules[family, table, chain, handle] = rule
        return rule

    def place(self, family: str, table: str, chain: str) -> RulePlace | None:
        """Where a base chain stands; None for a chain that only jumps lead to."""
        known = self._chains.get((family, table, chain))
        return RulePlace(chain.lower(), table) if known is None and chain in _BUILT_IN else known

    def shown(self, family: str, table: str, chain: str) -> str:
        """What the lab calls a chain of the kernel's; another name only where the kernel made it (``jump { … }``)."""
        return self._names.get((family, table, chain), chain)

    def numbered(self, family: str, table: str, chain: str, number: int) -> Rule | None:
        """The rule of ip_tables with this number, by which its trace names it; None behind the last one."""
        record = self._rules.get((family, table, chain, number))
        if record is None or isinstance(record, Rule):
            return record
        rule = self._rules[family, table, chain, number] = record()
        return rule

    def key_of(self, family: str, table: str, chain: str, number: int) -> Key | None:
        """The key of the rule that stands at this place of a chain; None where there is none."""
        keys = self._by_chain.get((family, table, chain), ())
        return keys[number - 1] if 1 <= number <= len(keys) else None

    @cached_property
    def _by_chain(self) -> Mapping[ChainKey, Sequence[Key]]:
        """The rules that were given, chain by chain, in the order in which they are run."""
        found: dict[ChainKey, list[Key]] = {}
        for key in self._given:
            found.setdefault(key[:3], []).append(key)
        return found

    def all(self) -> Iterator[Rule]:
        """Every rule and policy, in the order that they were given in."""
        for record in self._rules.values():
            yield record if isinstance(record, Rule) else record()

    def items(self) -> Iterator[tuple[Key, Rule]]:
        """Every rule and policy with its key."""
        for key, record in self._rules.items():
            yield key, record if isinstance(record, Rule) else record()

    def told_as(self, told: Callable[[Rule], Rule]) -> RuleIndex:
        """The same rules and policies, each as ``told`` makes of it."""
        other = RuleIndex(self._node, {key: told(rule) for key, rule in self.items()})
        other._names, other._chains = self._names, self._chains
        return other

    @cached_property
    def logging(self) -> tuple[Rule, ...]:
        """The rules that log."""
        return tuple(rule for rule in self.all() if rule.log is not None)

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Whether the table has a chain of this name."""
        return (family, table, chain, 0) in self._rules

    @property
    def has_ingress(self) -> bool:
        """Whether a base chain stands at a device, before every hook of the addresses' families."""
        return any(place.hook == "ingress" for place in self._chains.values())

    def __len__(self) -> int:
        return len(self._rules)


def _place(key: ChainKey, chain: BaseChain) -> RulePlace:
    family, table, name = key
    if family in ("ip", "ip6") and name in _BUILT_IN:
        return RulePlace(chain.hook, table)
    kinds = {"nat": "nat", "route": "mangle"}
    return RulePlace(chain.hook, kinds.get(chain.type) or _KINDS.get(chain.hook, "filter"))


def iptables_rules(
    node: str, family: str, saved: Ruleset, handles: Mapping[ChainKey, Sequence[int]], sources: Lines
) -> Iterator[tuple[Key, Record]]:
    """Align ``saved`` with the kernel's ``handles``; raises MeasurementError where they are not equally many."""
    for table in saved.tables.values():
        for chain in table.chains.values():
            own = handles.get((family, table.name, chain.name), ())
            if len(own) != len(chain.rules):
                raise MeasurementError(
                    Problem(
                        f"{node}: {table.name}:{chain.name} has {len(own)} rules in the kernel and {len(chain.rules)} in "
                        "iptables-save: they cannot be told apart"
                    )
                )
            yield (family, table.name, chain.name, 0), policy_of(node, family, table.name, chain.name, chain.policy)
            for saved_rule, handle in zip(chain.rules, own, strict=True):
                source = sources.get((table.name, chain.name, saved_rule.number))
                yield (family, table.name, chain.name, handle), partial(record_of, node, family, saved_rule, source)


def record_of(node: str, family: str, rule: SavedRule, source: str | None) -> Rule:
    """The record of a rule of iptables."""
    return described(node, held_rule(family, rule, source))


def policy_of(node: str, family: str, table: str, chain: str, policy: str | None) -> Rule:
    """The record of the policy of a chain of iptables."""
    return Rule(node, table, chain, None, f"-P {chain} {policy or 'RETURN'}", target=policy or "RETURN", family=family)
