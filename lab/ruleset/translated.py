"""Where a translation may lead a flow: read from rules' texts, and what is not understood may lead anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from lab.ruleset.aimed import Seen, may_match
from lab.ruleset.held import HeldRule
from lab.ruleset.nft.rule import new_destination
from lab.ruleset.rule import PORT_MAX, Ports, read_ports

_ANY_PORT: Ports = ((0, PORT_MAX),)
_ADDRESSES_ALONE = frozenset(("NETMAP", "DNPT"))
_TO_ITSELF = frozenset({"REDIRECT", "TPROXY", "redirect", "tproxy"})
# Only a v6 address in brackets can have a port behind it.
_PORT_BEHIND = re.compile(r"(?:^|\]|^[^:\[\]]*):([^:\]]+)\Z")


def may_turn_to(rule: HeldRule, own: Collection[str]) -> bool:
    """Whether the rule may send a packet to one of these addresses, its node's own, or to a socket of the node.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> may_turn_to(rule_in_line("v4", "-A PREROUTING -j DNAT --to-destination 10.0.2.10:80"), ["10.0.1.1"])
    False
    """
    if not rule.statements.isdisjoint(_TO_ITSELF):
        return True
    if rule.target == "dnat":
        address = new_destination(rule.text).address
        return address is None or address in own or "-" in address
    return rule.target == "DNAT" and (rule.to is None or (at := _address_in(rule.to)) in own or "-" in at)


def turns(rule: HeldRule) -> bool:
    """Whether the rule may give a packet another destination.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> turns(rule_in_line("v4", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080"))
    True
    """
    return rule.translates == "destination" or not rule.statements.isdisjoint(_TO_ITSELF)


def ports_after(rules: Iterable[HeldRule], seen: Seen) -> Ports | None:
    """The destination ports that a packet may have once ``rules`` gave it another destination; None where none of them may.

    None at all are told, where it is not known which it had before.

    >>> from lab.ruleset.held_text import rule_in_line
    >>> to_other = rule_in_line("v4", "-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.2.10:8080")
    >>> ports_after([to_other], Seen("tcp", dports=((80, 80),)))
    ((80, 80), (8080, 8080))
    """
    possible = list(seen.dports or ())
    translated = False
    for rule in rules:
        if may_match(rule, seen):
            translated = True
            if rule.target not in _ADDRESSES_ALONE:
                possible += _ports_given(rule)
    if not translated:
        return None
    return tuple(sorted(possible)) if seen.dports is not None else ()


def _address_in(to: str) -> str:
    """The address of ``10.0.2.10:8443`` or ``[2001:db8::10]:8443``."""
    return to[1:].partition("]")[0] if to.startswith("[") else to if to.count(":") > 1 else to.partition(":")[0]


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
        port = _PORT_BEHIND.search(rule.to)
        if port is None:
            return ()
        given = port[1]
    return read_ports(given.partition("/")[0].replace("-", ":")) or _ANY_PORT
