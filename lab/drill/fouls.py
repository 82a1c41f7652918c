"""Mends that are none: what lets everything pass, and a node that was booted anew; read from what the nodes hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.drill.grounds import Grounds
from lab.ruleset.held import ChainKey, Chains, HeldChain, HeldRule
from lab.ruleset.words import words

_JUDGES = ("prerouting", "input", "forward", "output")
_BESIDE = re.compile(r'\bcounter(?: packets \d+ bytes \d+)?|\bcomment "[^"]*"')
_TABLES = ("filter", "raw", "mangle", "security")


@dataclass(frozen=True, slots=True)
class Guard:
    """A chain that packets begin at, as it was while its ``node`` was healthy.

    ``rules`` tells whether it had any, ``denies`` whether its policy does.
    """

    node: str
    key: ChainKey
    rules: bool
    denies: bool

    @property
    def name(self) -> str:
        """``filter:FORWARD (IPv6)``."""
        family, table, chain = self.key
        return f"{table}:{chain}" + (" (IPv6)" if family == "ip6" else "")

    def opened(self, chain: HeldChain | None) -> Iterator[str]:
        """In which ways it lets everything pass by now, in words."""
        if chain is None:
            yield f"{self.node} {self.name} is gone"
            return
        if self.rules and not chain.rules:
            yield f"{self.node} {self.name} was flushed: no rule is left in it"
        if self.denies and not _denies(chain):
            yield f"{self.node} {self.name} has the policy ACCEPT: what no rule denies passes"
        if any(_accepts_all(rule) for rule in chain.rules):
            yield f"{self.node} {self.name} has a rule that accepts everything"


def guards_of(node: str, chains: Chains) -> Iterator[Guard]:
    """The chains of a healthy node that decide what passes."""
    for key, chain in chains.items():
        if chain.hook in _JUDGES and (key[0] not in ("ip", "ip6") or key[1] in _TABLES):
            yield Guard(node, key, bool(chain.rules), _denies(chain))


def opened(guards: Sequence[Guard], grounds: Grounds) -> frozenset[str]:
    """In which ways nodes let everything pass now."""
    now = {node: grounds.held(node).chains for node in dict.fromkeys(guard.node for guard in guards)}
    return frozenset(way for guard in guards for way in guard.opened(now[guard.node].get(guard.key)))


def _denies(chain: HeldChain) -> bool:
    return (chain.policy or "").upper() == "DROP"


def _accepts_all(rule: HeldRule) -> bool:
    """Whether it says nothing but that, a comment and a counter aside."""
    if rule.is_native:
        return _BESIDE.sub("", rule.text).strip() == "accept"
    said = words(rule.text)
    if "--comment" in said:
        place = said.index("--comment")
        del said[place - 2: place + 2]
    return said == ["-A", rule.chain, "-j", "ACCEPT"]


def rebooted(grounds: Grounds, nodes: Iterable[str]) -> Iterator[str]:
    """Which nodes were booted anew since the lab is up; in words."""
    for name in nodes:
        if grounds.was_rebooted(name):
            yield f"{name} was rebooted: what it knew of flows is gone, and everybody was cut off meanwhile"
