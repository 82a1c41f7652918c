"""Mends that are none: what lets everything pass, and a node that was booted anew; read from what the nodes hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from lab.drill.grounds import Grounds
from lab.ruleset.held import ChainKey, HeldChain

Bases = Mapping[str, Mapping[ChainKey, HeldChain]]
"""The chains that packets begin at, with their rules, by node."""
_JUDGES = ("filter", "raw", "mangle")
_REBOOTED = "/run/lab/rebooted"


def bases_of(grounds: Grounds, nodes: Iterable[str]) -> Bases:
    """Those of nodes as they are now."""
    return {name: {key: chain for key, chain in grounds.held(name).chains.items() if chain.hook is not None} for name in nodes}


def loosened(healthy: Bases, broken: Bases, now: Bases) -> Iterator[str]:
    """In which ways nodes let pass what they did not, neither while they were healthy nor when the drill began; in words."""
    for node, chains in healthy.items():
        for key, chain in chains.items():
            if key[1] not in _JUDGES and chain.hook is None:
                continue
            was = {*_loose(chain, chain), *_loose(chain, broken.get(node, {}).get(key))}
            for how in _loose(chain, now.get(node, {}).get(key)):
                if how not in was:
                    yield f"{node}: {how}"


def _loose(healthy: HeldChain, chain: HeldChain | None) -> Iterator[str]:
    name = f"{healthy.name} of the {healthy.table} table ({'IPv6' if healthy.family == 'ip6' else 'IPv4'})"
    if chain is None:
        yield f"{name} is gone"
        return
    if healthy.rules and not chain.rules:
        yield f"{name} was flushed: no rule is left in it"
    if (healthy.policy or "").upper() == "DROP" and (chain.policy or "").upper() != "DROP":
        yield f"the policy of {name} is {(chain.policy or 'ACCEPT').upper()}: what no rule denies passes"
    if any(_accepts_all(rule) for rule in chain.rules):
        yield f"a rule of {name} accepts everything"


def _accepts_all(rule: object) -> bool:
    from lab.ruleset.held import HeldRule

    assert isinstance(rule, HeldRule)
    return (rule.target or "").upper() == "ACCEPT" and not rule.conditions and not rule.matches


def rebooted(grounds: Grounds, nodes: Iterable[str]) -> Iterator[str]:
    """Which nodes were booted anew since the lab is up; in words."""
    for name in nodes:
        if grounds.inside(name, ["sh", "-c", f"if test -e {_REBOOTED}; then echo yes; fi"]).strip():
            yield f"{name} was rebooted: whoever was connected through it is cut off"
