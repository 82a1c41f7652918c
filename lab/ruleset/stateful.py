"""Rules that remember: which rules with a state of their own stand where a flow may come by.

A probe that meets such a rule may change what the next one meets, so it needs a fresh node.  Only the text is read, and
only to leave out what surely cannot be met: whether a rule that stands in the way matches is for the kernel to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lab.ruleset.rule import PORT_MAX, Ports, SavedRule, overlap, read_ports
from lab.ruleset.save import Chain, Ruleset, Table
from lab.ruleset.words import words

# `connbytes` and `connmark` are not among them: their state is the flow's conntrack entry, and goes with it.
_STATEFUL = frozenset(("limit", "hashlimit", "recent", "connlimit", "quota", "statistic", "rateest", "nfacct"))
_LOGGING = frozenset(("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE"))
_REMEMBERS_BY_ITSELF = frozenset(("--set", "--update", "--remove"))
_ANY_PORT: Ports = ((0, PORT_MAX),)
_SOURCE_PORTS: Ports = ((1024, PORT_MAX),)
# An answer goes to the probe's source port.  A rule for a few high ports meets it by chance alone; one for many will.
_BROAD = 100
_ICMP = frozenset(("icmp", "icmpv6"))
_ECHO = frozenset(("8", "0", "128", "129", "echo-request", "echo-reply", "ping", "pong", "8/0", "0/0"))


class StatefulRules:
    """The rules of a ruleset that have a state of their own, found once, asked for each flow.

    These are rules with limit, hashlimit, recent, connlimit, quota, statistic, rateest or nfacct, rules that write to
    an ipset, and those that match a set which such a rule writes.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._written = _written_sets(ruleset)
        self.any = any(_remembers(rule, self._written, logs=True) for rule in ruleset.rules())

    def in_the_way(
        self, hook_chains: Sequence[str], proto: str, ports: Sequence[tuple[int, int]], *, logs: bool = False
    ) -> tuple[SavedRule, ...]:
        """Those that a flow may meet.

        ``hook_chains`` are the base chains that the flow enters (``FORWARD``, of every table, or ``filter:FORWARD``),
        ``proto`` and ``ports`` its protocol (``any`` too) and destination ports as it comes to the node; no ports where
        the protocol has none.  A rule that merely logs has no say in the flow's fate: it counts only with ``logs``, for
        a flow whose log is expected.  A rule's ports leave it out only where no DNAT or REDIRECT may have changed the
        flow's port to one of them before, and where they are too few to be an answer's.
        """
        if not self.any:
            return ()
        original = tuple(ports)
        flow = _Flow(proto.lower(), original, _after_nat(self._ruleset, proto.lower(), original))
        met: set[tuple[str, str, int]] = set()
        for entry in hook_chains:
            named, _, base = entry.rpartition(":")
            for table in self._ruleset.tables.values():
                if named in ("", table.name):
                    met.update(
                        (rule.table, rule.chain, rule.number) for rule in _met(table, base, flow)
                        if _remembers(rule, self._written, logs=logs)
                    )
        return tuple(rule for rule in self._ruleset.rules() if (rule.table, rule.chain, rule.number) in met)


class _Flow:
    """What of a flow a rule's text can rule out: its protocol, and its ports before and after NAT."""

    __slots__ = ("original", "proto", "translated")

    def __init__(self, proto: str, original: Ports, translated: Ports) -> None:
        self.proto = {"ipv6-icmp": "icmpv6"}.get(proto, proto)
        self.original = original
        self.translated = translated

    def may_match(self, rule: SavedRule, base: str, table: str) -> bool:
        return self._protocol_fits(rule, base) and self._port_fits(rule, base, table)

    def _protocol_fits(self, rule: SavedRule, base: str) -> bool:
        if rule.proto is None or self.proto == "any":
            return True
        if rule.proto.startswith("!"):
            return rule.proto[1:] != self.proto or self._may_be_an_error(rule, base)
        return rule.proto == self.proto or (rule.proto in _ICMP and self._may_be_an_error(rule, base))

    def _may_be_an_error(self, rule: SavedRule, base: str) -> bool:
        """Whether an ICMP error about the flow could meet the rule: the node's own REJECT, or one from further on."""
        if base == "INPUT" or (base in ("FORWARD", "PREROUTING") and self.proto == "tcp"):
            return False
        found = words(rule.text)
        return not any(
            option in ("--icmp-type", "--icmpv6-type") and value in _ECHO
            for option, value in pairwise(found)
        )

    def _port_fits(self, rule: SavedRule, base: str, table: str) -> bool:
        if rule.dports is None or not self.original:
            return True
        before_nat = base in ("PREROUTING", "OUTPUT") and table in ("raw", "mangle", "nat")
        if overlap(rule.dports, self.original if before_nat else self.translated):
            return True
        return any(high - low >= _BROAD for low, high in overlap(rule.dports, _SOURCE_PORTS))


def _met(table: Table, base: str, flow: _Flow) -> Iterator[SavedRule]:
    """Every rule that the flow may match, in the chains it may enter from this base chain."""
    entered = {base}
    waiting = [base]
    while waiting:
        chain: Chain | None = table.chains.get(waiting.pop())
        if chain is None:
            continue
        for rule in chain.rules:
            if not flow.may_match(rule, base, table.name):
                continue
            yield rule
            if rule.jump_to is not None and rule.jump_to not in entered:
                entered.add(rule.jump_to)
                waiting.append(rule.jump_to)


def _after_nat(ruleset: Ruleset, proto: str, ports: Ports) -> Ports:
    """The destination ports that the flow may have once the nat table has seen it."""
    if not ports:
        return ports
    flow = _Flow(proto, ports, ports)
    possible = list(ports)
    for rule in ruleset.rules():
        if rule.target in ("DNAT", "REDIRECT", "TPROXY") and flow.may_match(rule, "PREROUTING", "nat"):
            possible += _ports_given(rule)
    return tuple(sorted(possible))


def _ports_given(rule: SavedRule) -> Ports:
    """The ports that this rule may put in place of a flow's own; none where it leaves the port alone."""
    if rule.target == "TPROXY":
        return ()  # it hands the packet to a local socket, and leaves its header as it is
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


def _set_names(rule: SavedRule, options: tuple[str, ...]) -> set[str]:
    found = words(rule.text)
    return {value for option, value in pairwise(found) if option in options}


def _written_sets(ruleset: Ruleset) -> frozenset[str]:
    """The ipsets that rules of this ruleset write to."""
    return frozenset().union(*(
        _set_names(rule, ("--add-set", "--del-set", "--map-set")) for rule in ruleset.rules() if rule.target == "SET"
    ))


def whim_of(text: str) -> str | None:
    """Why a rule of this text, of either dialect, may treat the next packet otherwise, with no reason in it; or None."""
    if "--mode random" in text or "numgen random" in text:
        return "a rule decides by chance, and another run may differ"
    if "--mode nth" in text or "numgen inc" in text:
        return "a rule decides by counting packets, and the next one may fare otherwise"
    return None


def _remembers(rule: SavedRule, written: frozenset[str], *, logs: bool) -> bool:
    if rule.target == "SET":
        return True
    if "set" in rule.matches and written & _set_names(rule, ("--match-set",)):
        return logs or rule.target not in _LOGGING
    if _STATEFUL.isdisjoint(rule.matches):
        return False
    if "recent" in rule.matches and not _REMEMBERS_BY_ITSELF.isdisjoint(words(rule.text)):
        return True  # it writes the list that other rules read, whatever its target
    if rule.target is None:
        return False
    return logs or rule.target not in _LOGGING
