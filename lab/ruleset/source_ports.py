"""Which source ports a rule tells from others: read from its text, and never what it does with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.ruleset.conditions import DPORTS, ORIGINAL_SPORTS, PORTS, SPORTS
from lab.ruleset.held import HeldRule, ports_of
from lab.ruleset.held_text import rule_in_line
from lab.ruleset.rule import PORT_MAX, Ports

# of a flow's first packet
_FIELDS = (SPORTS, PORTS, ORIGINAL_SPORTS)
_SAID = ("sport", "source-port", "--port", "srcport", "dstport", "proto-src")


def asks(rule: HeldRule, proto: str) -> Iterator[tuple[Ports, Ports | None]]:
    """(source ports, destination ports or None) for each set of source ports that a rule asks of packets of ``proto``.

    >>> rule = rule_in_line("v4", "-A INPUT -p udp --sport 53 --dport 1024:65535 -j ACCEPT")
    >>> list(asks(rule, "udp"))
    [(((53, 53),), ((1024, 65535),))]
    """
    if not any(word in rule.text for word in _SAID) or not rule.is_about(proto):
        return  # most rules, and they are read again for each cell
    for condition in rule.conditions:
        if condition.field in _FIELDS and (ports := ports_of(condition)) is not None:
            yield ports, rule.ports(DPORTS)


class Class(NamedTuple):
    """Source ports from ``low`` to ``high``, of which ``rules`` tells which of some rules ask for them."""

    low: int
    high: int
    rules: tuple[bool, ...]


def classes(wanted: Sequence[Ports]) -> list[Class]:
    """All source ports, in ranges that no rule tells apart; ``wanted`` is what each rule asks for.

    >>> classes([((53, 53),)])
    [Class(low=1, high=52, rules=(False,)), Class(low=53, high=53, rules=(True,)),
    Class(low=54, high=65535, rules=(False,))]
    """
    edges = {edge for ports in wanted for low, high in ports for edge in (low, high + 1)}
    lows = [1, *sorted(edge for edge in edges if 1 < edge <= PORT_MAX)]
    return [
        Class(low, high, tuple(any(first <= low <= last for first, last in ports) for ports in wanted))
        for low, high in zip(lows, [*(low - 1 for low in lows[1:]), PORT_MAX], strict=True)
    ]


def in_line(kind: str, line: str, proto: str) -> list[tuple[Ports, Ports | None]]:
    """`asks` of one line of a ruleset as it is written, ``kind`` being that of its file (v4, v6, nft); none of another line.

    >>> in_line("nft", "udp sport 123 accept", "udp")
    [(((123, 123),), None)]
    """
    rule = rule_in_line(kind, line) if any(word in line for word in _SAID) else None
    return [] if rule is None else list(asks(rule, proto))
