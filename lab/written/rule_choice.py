"""Which of a node's routing rules takes a packet, as far as rules and packets tell (net/core/fib_rules.c, fib_rules_lookup).

What is in a table only the kernel knows: it says which table had the route, and the rule that led there is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from lab.written.routing import RoutingRule

_LOOPBACK = "lo"
_ALL_ONES = 0xFFFFFFFF
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "ipv6-icmp", 132: "sctp"}


@dataclass(frozen=True, slots=True)
class RouteKey:
    """What a packet is routed by: ``iif`` is the interface that it came in by, None of one that was made at the node.

    ``proto`` is None where the kernel does not look at it.  What is no user's of the node is root's (sock_net_uid).
    ``source`` is "" where the kernel is still to choose one.
    """

    family: int
    source: str
    destination: str
    iif: str | None = None
    mark: int = 0
    proto: int | None = None
    sport: int | None = None
    dport: int | None = None
    uid: int = 0


class Choice(NamedTuple):
    """``rule`` is the one that led to the table, None where none can have; ``others`` are the rest, with why they did not."""

    rule: RoutingRule | None
    others: tuple[tuple[RoutingRule, str], ...]


def misses(rule: RoutingRule, key: RouteKey) -> str | None:
    """What of the packet ``rule`` does not select, in words; None where it selects it.

    >>> from lab.written.rule_lines import parse_rules
    >>> (rule,) = parse_rules("fwmark 0x2/0xf lookup 102")
    >>> [misses(rule, RouteKey(4, "10.0.1.10", "192.0.2.7", mark=mark)) for mark in (0x11, 0x12)]
    ['mark 0x11', None]
    """
    found = next(_missed(rule, key), None)
    if not rule.inverted:
        return found
    return "it is one of those that it excepts" if found is None else None


def choice(rules: Sequence[RoutingRule], key: RouteKey, table: int, length: int) -> Choice:
    """Which of ``rules``, in the kernel's order, led to a route with a prefix of this ``length`` in ``table``."""
    chosen: RoutingRule | None = None
    others: list[tuple[RoutingRule, str]] = []
    onward = 0
    for rule in rules:
        why = "it comes later" if chosen is not None else _passed_over(rule, key, table, length, onward)
        if why is None:
            chosen = rule
            continue
        others.append((rule, why))
        if why == _GOTO and rule.goto is not None:
            onward = rule.goto
        elif why == _ENDS:
            return Choice(None, ())
    return Choice(chosen, tuple(others))


_GOTO, _ENDS = "it leads on to another rule", "it refuses"


def refusing(rules: Sequence[RoutingRule], key: RouteKey, action: str) -> RoutingRule | None:
    """The rule that refused with this ``action``, where no table can have: the first of its kind that selects the packet."""
    onward = 0
    for rule in rules:
        if (rule.priority or 0) < onward or misses(rule, key) is not None:
            continue
        if rule.action == "goto":
            onward = rule.goto or 0
        elif rule.action not in ("lookup", "nop"):
            return rule if rule.action == action else None
    return None


def _passed_over(rule: RoutingRule, key: RouteKey, table: int, length: int, onward: int) -> str | None:
    if (rule.priority or 0) < onward:
        return "a goto leads past it"
    if (why := misses(rule, key)) is not None:
        return why
    if rule.action != "lookup":
        return {"goto": _GOTO, "nop": "it does nothing"}.get(rule.action, _ENDS)
    if rule.table != table:
        return "its table has no route there"
    if rule.suppress is not None and length <= rule.suppress:
        return f"it passes over routes that are no longer than /{rule.suppress}"
    return None


def _missed(rule: RoutingRule, key: RouteKey) -> Iterator[str]:
    if rule.iif is not None and rule.iif != (key.iif or _LOOPBACK):
        yield "it was made here" if key.iif is None else f"it came in by {key.iif}"
    if rule.oif is not None:
        yield "no socket was bound to an interface"
    if rule.fwmark is not None and (rule.fwmark ^ key.mark) & (_ALL_ONES if rule.mask is None else rule.mask):
        yield f"mark {key.mark:#x}"
    if rule.uids is not None and not rule.uids[0] <= key.uid <= rule.uids[1]:
        yield f"user {key.uid}"
    if rule.protocol is not None and rule.protocol != key.proto:
        yield "its protocol is not looked at" if key.proto is None else f"protocol {_PROTOCOLS.get(key.proto, key.proto)}"
    for side, span, port in (("source", rule.sports, key.sport), ("destination", rule.dports, key.dport)):
        if span is not None and (port is None or not span[0] <= port <= span[1]):
            yield f"its {side} port is not looked at" if port is None else f"{side} port {port}"
    for side, prefix, address in (("source", rule.source, key.source), ("destination", rule.destination, key.destination)):
        if prefix is not None and (not address or ip_address(address) not in prefix):
            yield f"{side} {address}" if address else f"its {side} is not chosen yet"
    if rule.tos:
        yield "its type of service is 0"


def rule_text(rule: RoutingRule, names: Mapping[int, str]) -> str:
    """The rule as ``ip rule`` prints it (iproute2, print_rule); ``names`` are those of tables.

    >>> from lab.written.rule_lines import parse_rules
    >>> (rule,) = parse_rules("100: from 10.0.1.0/24 fwmark 0x2 lookup 102")
    >>> rule_text(rule, {102: "wan2"})
    '100: from 10.0.1.0/24 fwmark 0x2 lookup wan2'
    """
    words = [f"{rule.priority or 0}:", *(["not"] if rule.inverted else []), f"from {rule.source or 'all'}"]
    words += [] if rule.destination is None else [f"to {rule.destination}"]
    words += [f"tos {rule.tos:#04x}"] if rule.tos else []
    if rule.fwmark is not None:
        mark = f"{rule.fwmark:#x}" if rule.fwmark else "0"
        words.append(f"fwmark {mark}" if rule.mask in (None, _ALL_ONES) else f"fwmark {mark}/{rule.mask:#x}")
    words += [f"{word} {value}" for word, value in (("iif", rule.iif), ("oif", rule.oif)) if value is not None]
    words += [] if rule.uids is None else [f"uidrange {rule.uids[0]}-{rule.uids[1]}"]
    words += [] if rule.protocol is None else [f"ipproto {_PROTOCOLS.get(rule.protocol, rule.protocol)}"]
    for word, span in (("sport", rule.sports), ("dport", rule.dports)):
        words += [] if span is None else [f"{word} {span[0]}" if span[0] == span[1] else f"{word} {span[0]}-{span[1]}"]
    if rule.action == "lookup":
        words.append(f"lookup {names.get(rule.table, rule.table)}")
        words += [] if rule.suppress is None else [f"suppress_prefixlength {rule.suppress}"]
    else:
        words.append(f"goto {rule.goto}" if rule.action == "goto" else rule.action)
    return " ".join(words)
