"""Rules that remember: which rules with a state of their own stand where a flow may come by.

A probe that meets such a rule may change what the next one meets, so it needs a fresh node.  Only the text is read, and
only to leave out what surely cannot be met: whether a rule that stands in the way matches is for the kernel to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from lab.ruleset.conditions import DPORTS, ICMP_TYPES, PROTO
from lab.ruleset.held import Chains, HeldChain, HeldRule, admits, rules_of
from lab.ruleset.nft.rule import new_destination
from lab.ruleset.rule import PORT_MAX, Ports, overlap, read_ports

_ANY_PORT: Ports = ((0, PORT_MAX),)
_SOURCE_PORTS: Ports = ((1024, PORT_MAX),)
# An answer goes to the probe's source port.  A rule for a few high ports meets it by chance alone; one for many will.
_BROAD = 100
_ECHO = frozenset(("8", "0", "128", "129", "echo-request", "echo-reply", "ping", "pong", "8/0", "0/0"))
_BEFORE_NAT = frozenset(("raw", "mangle", "nat"))
_ADDRESSES_ALONE = frozenset(("NETMAP", "DNPT"))
_AT_DEVICES = ("ingress", "egress")


class StatefulRules:
    """The rules of a node that have a state of their own and that packets of ``family`` may meet, found once.

    Of iptables these are rules with limit, hashlimit, recent, connlimit, quota, statistic, rateest or nfacct, rules that
    write to an ipset, and those that match a set which such a rule writes; of native nft those with a limit, quota, ct
    count, number generator, and those that write a set, or ask one that is written.
    """

    def __init__(self, chains: Chains, family: int) -> None:
        self._chains = {key: chain for key, chain in chains.items() if chain.judges(family)}
        self.any = any(rule.remembers for rule in rules_of(self._chains))

    def in_the_way(
        self, hook_chains: Sequence[str], proto: str, ports: Sequence[tuple[int, int]], *, logs: bool = False
    ) -> tuple[HeldRule, ...]:
        """Those that a flow may meet.

        ``hook_chains`` are where the flow enters, in iptables' words (``FORWARD``, of every table, or ``filter:FORWARD``);
        of native nft those are the hooks, and every device's.  ``proto`` and ``ports`` are the flow's protocol (``any`` too)
        and destination ports as it comes to the node; no ports where the protocol has none.  A rule that merely logs has no
        say in the flow's fate: it counts only with ``logs``, for a flow whose log is expected.  A rule's ports leave it out
        only where no translation may have changed the flow's port to one of them before, and where they are too few to be
        an answer's.
        """
        if not self.any:
            return ()
        original = tuple(ports)
        flow = _Flow(proto.lower(), original, _after_nat(self._chains, proto.lower(), original))
        met: set[tuple[str, str, str, int]] = set()
        for begin in self._begun(hook_chains):
            met.update((*rule.key, rule.number) for rule in _met(self._chains, begin, flow) if _counts(rule, logs=logs))
        return tuple(rule for rule in rules_of(self._chains) if (*rule.key, rule.number) in met)

    def _begun(self, hook_chains: Collection[str]) -> Iterator[HeldChain]:
        entered = {entry.rpartition(":")[::2] for entry in hook_chains}
        for chain in self._chains.values():
            hook = None if chain.hook is None else chain.hook.upper()
            if chain.hook in _AT_DEVICES or ("", hook) in entered or (chain.table, hook) in entered:
                yield chain


def _counts(rule: HeldRule, *, logs: bool) -> bool:
    return rule.remembers and (logs or not rule.merely_logs)


class _Flow:
    """What of a flow a rule's text can rule out: its protocol, and its ports before and after NAT."""

    __slots__ = ("original", "proto", "translated")

    def __init__(self, proto: str, original: Ports, translated: Ports) -> None:
        self.proto = {"ipv6-icmp": "icmpv6"}.get(proto, proto)
        self.original = original
        self.translated = translated

    def may_match(self, rule: HeldRule, begin: HeldChain) -> bool:
        """Whether it may match the rule on its way from the base chain ``begin``."""
        return self._protocol_fits(rule, begin) and self._port_fits(rule, begin)

    def _protocol_fits(self, rule: HeldRule, begin: HeldChain) -> bool:
        if self.proto == "any" or rule.is_about(self.proto):
            return True
        about_icmp = any(all(admits(one, icmp) for one in rule.of(PROTO)) for icmp in ("icmp", "icmpv6"))
        return about_icmp and self._may_be_an_error(rule, begin)

    def _may_be_an_error(self, rule: HeldRule, begin: HeldChain) -> bool:
        """Whether an ICMP error about the flow could meet the rule: the node's own REJECT, or one from further on."""
        if begin.hook == "input" or (begin.hook in ("forward", "prerouting") and self.proto == "tcp"):
            return False
        return not any(_ECHO.issuperset(one.values) and not one.negated for one in rule.of(ICMP_TYPES))

    def _port_fits(self, rule: HeldRule, begin: HeldChain) -> bool:
        dports = rule.ports(DPORTS)
        if dports is None or not self.original:
            return True
        # where a native chain stands before or behind NAT is a matter of priorities: either port may be the one
        before_nat = not rule.is_native and begin.hook in ("prerouting", "output") and rule.table in _BEFORE_NAT
        if overlap(dports, self.original if before_nat else self.translated):
            return True
        return any(high - low >= _BROAD for low, high in overlap(dports, _SOURCE_PORTS))


def _met(chains: Chains, begin: HeldChain, flow: _Flow) -> Iterator[HeldRule]:
    """Every rule that the flow may match, in the chains it may enter from this base chain."""
    entered = {begin.key}
    waiting = [begin]
    while waiting:
        for rule in waiting.pop().rules:
            if not flow.may_match(rule, begin):
                continue
            yield rule
            for name in rule.jump_to:
                key = rule.family, rule.table, name
                if key in chains and key not in entered:
                    entered.add(key)
                    waiting.append(chains[key])


def _after_nat(chains: Chains, proto: str, ports: Ports) -> Ports:
    """The destination ports that the flow may have once its destination was translated."""
    if not ports:
        return ports
    flow = _Flow(proto, ports, ports)
    first = HeldChain("", "nat", "PREROUTING", (), "prerouting")
    possible = list(ports)
    for rule in rules_of(chains):
        if rule.translates == "destination" and rule.target not in _ADDRESSES_ALONE and flow.may_match(rule, first):
            possible += _ports_given(rule)
    return tuple(sorted(possible))


def _ports_given(rule: HeldRule) -> Ports:
    """The ports that this rule may put in place of a flow's own; none where it leaves the port alone."""
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


def whim_of(text: str) -> str | None:
    """Why a rule of this text, of either dialect, may treat the next packet otherwise, with no reason in it; or None.

    >>> whim_of("-A INPUT -m statistic --mode random --probability 0.5 -j DROP")
    'a rule decides by chance, and another run may differ'
    """
    if "--mode random" in text or "numgen random" in text:
        return "a rule decides by chance, and another run may differ"
    if "--mode nth" in text or "numgen inc" in text:
        return "a rule decides by counting packets, and the next one may fare otherwise"
    return None
