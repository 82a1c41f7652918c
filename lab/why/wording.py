"""Rules and packets in the words of a hint."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.record.packet import PROTOCOL_NAMES, Packet
from lab.record.path import LOOPBACK, Path, Rule
from lab.ruleset.addresses import address_of
from lab.ruleset.asked import DESTINATION_IN, FAMILY, LOCAL_DESTINATION, LOCAL_SOURCE, MARK, SOURCE_IN, TOGETHER, Asked, Met
from lab.ruleset.conditions import (
    DESTINATIONS,
    DPORTS,
    ENTERED,
    ICMP_TYPES,
    LEFT,
    ORIGINAL_DPORTS,
    PROTO,
    SOURCES,
    SPORTS,
    STATES,
)
from lab.ruleset.describe import described
from lab.ruleset.held import HeldRule

_COMMENT = re.compile(r'-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+) ?| comment "[^"]*"\Z')
_LONGEST = 160
_PORTED = ("tcp", "udp", "sctp")
_ICMP = {1: ("-p icmp --icmp-type", "icmp type"), 58: ("-p icmpv6 --icmpv6-type", "icmpv6 type")}
_ECHO = {1: 8, 58: 128}  # RFC 792, RFC 4443


def named(node: str, rule: HeldRule) -> str:
    """Its place and comment, its text without the comment, where it was written."""
    return with_text(described(node, rule))


def with_text(rule: Rule) -> str:
    """The same of a record; of a policy its place alone.

    >>> with_text(Rule("gateway", "filter", "INPUT", 2, "-A INPUT -p tcp --dport 22 -j ACCEPT", source="edge.rules:7"))
    'gateway filter:INPUT:2 (`-A INPUT -p tcp --dport 22 -j ACCEPT`) [edge.rules:7]'
    """
    if rule.number is None:
        return str(rule)
    return f"{rule} (`{text_of(rule.text)}`)" + (f" [{rule.source}]" if rule.source else "")


def text_of(text: str) -> str:
    """A rule's text without its comments, cut where it is long."""
    bare = _COMMENT.sub("", text)
    return bare if len(bare) <= _LONGEST else f"{bare[:_LONGEST]}…"


def place(rule: HeldRule) -> str:
    """A rule of a node that was named already."""
    return unnamed(described("", rule))


def unnamed(rule: Rule) -> str:
    """A record without its node, which was named already."""
    return str(rule).removeprefix(f"{rule.node} ")


def as_rule(head: Packet, by: Rule, entered: str | None = None) -> str:
    """What a rule would ask that is about this packet, behind a comma and in the dialect of ``by``; nothing of a protocol
    without ports.  Of what a node sends to itself it is the loopback alone.
    """
    if entered == LOOPBACK:
        return ", `iif lo`" if by.is_native else ", `-i lo`"
    if head.proto in _ICMP:
        kind = "echo-request" if head.flags == _ECHO[head.proto] else head.flags
        return f", `{_ICMP[head.proto][1 if by.is_native else 0]} {kind}`"
    proto = PROTOCOL_NAMES.get(head.proto)
    if proto not in _PORTED:
        return ""
    if not by.is_native:
        return f", `-d {head.destination} -p {proto} --dport {head.dport}`"
    return f", `ip{'6' if head.family == 6 else ''} daddr {head.destination} {proto} dport {head.dport}`"


def fact(asked: Asked, met: Met, node: str) -> str:
    """What the packet has where a rule asks for something else: ``it came by eth0``."""
    source, destination = str(address_of(met.source, met.family)), str(address_of(met.destination, met.family))
    no = "" if asked.negated else "not "
    if asked.field == TOGETHER:
        return f"{together(asked, met)} is {no}in it"
    return {
        ENTERED: f"it came by {met.entered}", LEFT: f"it goes to {met.left}", SOURCES: f"it comes from {source}",
        DESTINATIONS: f"it is for {destination}", SOURCE_IN: f"{source} is {no}in it",
        DESTINATION_IN: f"{destination} is {no}in it", DPORTS: f"its port is {met.dport}",
        SPORTS: f"it comes from port {met.sport}", PROTO: f"it is {met.proto}", FAMILY: f"it is IPv{met.family}",
        ICMP_TYPES: f"its type is {met.flags}", STATES: f"its state is {'/'.join(met.states or ())}",
        MARK: f"its mark is {met.mark:#x} by then" if met.mark is not None else "",
        ORIGINAL_DPORTS: f"its connection is one to port {met.original_dport}",
        LOCAL_DESTINATION: f"{destination} is no address of {node}", LOCAL_SOURCE: f"{source} is no address of {node}",
    }.get(asked.field, "")  # fmt: skip


def together(asked: Asked, met: Met) -> str:
    """What the packet has of several things that are asked at once, as nft prints an element."""
    source, destination = address_of(met.source, met.family), address_of(met.destination, met.family)
    parts = {
        SOURCES: source, DESTINATIONS: destination, SPORTS: met.sport, DPORTS: met.dport, PROTO: met.proto,
        ENTERED: met.entered, LEFT: met.left,
    }  # fmt: skip
    return " . ".join(str(parts[one]) if parts[one] is not None else "…" for one in asked.values)


def translators(request: tuple[Path, ...], path: Path, step: int) -> Iterator[tuple[Rule, Packet, Packet]]:
    """Each rule that translated the packet before this step, the last first, with its headers before and behind that node."""
    before = request[: next(place for place, one in enumerate(request) if one is path) + 1]
    for one in reversed(before):
        here = one is path
        behind = one.head(step) if here else one.exit or one.entry
        steps = one.steps[:step if step >= 0 else len(one.steps) + step] if here else one.steps
        for taken in reversed(steps):
            if taken.kind == "nat" and taken.rule is not None and taken.rule.translates is not None:
                yield taken.rule, one.entry, behind
