"""Which source ports a rule tells from others: read from its text, and never what it does with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.ruleset.nft.rule import NftRule
from lab.ruleset.nft.tokens import without_strings
from lab.ruleset.rule import PORT_MAX, Ports, SavedRule, complement, overlap, read_ports, read_rule
from lab.ruleset.words import FREE_TEXT, quote_is_open, words

# of a flow's first packet; what conntrack calls the reply's destination port is the same one
_OPTIONS = frozenset((
    "--sport", "--sports", "--source-port", "--source-ports", "--ports", "--port", "--ctorigsrcport", "--ctrepldstport",
))  # fmt: skip
_SAID = ("sport", "source-port", "--port", "srcport", "dstport", "proto-src")
_NFT = re.compile(
    r"(?<![\w/.@-])(?:(?P<proto>tcp|udp|th) sport|ct original proto-src) (?:(?P<not>!= |neq )|== |eq |vmap )?"
    r"(?P<value>\{[^{}]*\}|[^\s;{}]+)"
)
_NFT_PORTS = re.compile(
    r"(?<![\w/.@-])(?P<proto>tcp|udp|th) dport (?:(?P<not>!= |neq )|== |eq |vmap )?(?P<value>\{[^{}]*\}|[^\s;{}]+)"
)
_COUNTERS = re.compile(r"\A\[\d+:\d+\]\s*")
_ONE = re.compile(r"(\d+)(?:-(\d+))?\Z")


def of_saved(rule: SavedRule) -> Iterator[Ports]:
    """Each set of source ports that a rule of iptables asks for, as ascending ranges; port names are not read."""
    negated = False
    found = iter(words(rule.text))
    for word in found:
        if word in FREE_TEXT:
            next(found, None)
        elif word in _OPTIONS:
            ports = read_ports(next(found, ""))
            if ports is not None:
                yield complement(ports) if negated else ports
        negated = word == "!"


def of_nft(text: str) -> Iterator[tuple[str | None, Ports]]:
    """(protocol, source ports) of each such expression in a rule of nft; None for any protocol.  Named sets are not read."""
    bare = without_strings(text)
    for found in _NFT.finditer(bare):
        ports = _values(found["value"])
        if ports is not None:
            yield found["proto"] if found["proto"] != "th" else None, complement(ports) if found["not"] else ports


def dports_of(text: str) -> Ports | None:
    """The destination ports that a rule of nft can match; None where it does not say, or not in numbers."""
    known: Ports | None = None
    for found in _NFT_PORTS.finditer(without_strings(text)):
        ports = _values(found["value"])
        if ports is not None:
            ports = complement(ports) if found["not"] else ports
            known = ports if known is None else overlap(known, ports)
    return known


def _values(written: str) -> Ports | None:
    """The ports of ``53``, ``1024-65535`` or ``{ 53, 67-68 : drop }``; None where one is no number."""
    ranges = []
    for part in written.strip("{}").split(","):
        one = _ONE.match(part.partition(":")[0].strip())
        if one is None:
            return None
        ranges.append((int(one[1]), int(one[2] or one[1])))
    return tuple(sorted(ranges))


def asks(rule: SavedRule | NftRule, proto: str) -> Iterator[tuple[Ports, Ports | None]]:
    """(source ports, destination ports or None) for each set of source ports that a rule asks of packets of ``proto``."""
    if not any(word in rule.text for word in _SAID):
        return  # most rules, and they are read again for each cell
    if isinstance(rule, NftRule):
        for of, ports in of_nft(rule.text):
            if of in (None, proto):
                yield ports, dports_of(rule.text)
    elif rule.proto is None or rule.proto == proto or (rule.proto.startswith("!") and rule.proto[1:] != proto):
        for ports in of_saved(rule):
            yield ports, rule.dports


class Class(NamedTuple):
    """Source ports from ``low`` to ``high``, of which ``rules`` tells which of some rules ask for them."""

    low: int
    high: int
    rules: tuple[bool, ...]


def classes(wanted: Sequence[Ports]) -> list[Class]:
    """All source ports, in ranges that no rule tells apart; ``wanted`` is what each rule asks for."""
    edges = {edge for ports in wanted for low, high in ports for edge in (low, high + 1)}
    lows = [1, *sorted(edge for edge in edges if 1 < edge <= PORT_MAX)]
    return [
        Class(low, high, tuple(any(first <= low <= last for first, last in ports) for ports in wanted))
        for low, high in zip(lows, [*(low - 1 for low in lows[1:]), PORT_MAX], strict=True)
    ]


def in_line(kind: str, line: str, proto: str) -> list[tuple[Ports, Ports | None]]:
    """`asks` of one line of a ruleset as it is written, ``kind`` being that of its file (v4, v6, nft); none of another line."""
    if kind == "nft":
        return [(ports, dports_of(line)) for of, ports in of_nft(line) if of in (None, proto)]
    found = words(_COUNTERS.sub("", line)) if "port" in line and not quote_is_open(line) else []
    if len(found) < 3 or found[0] not in ("-A", "--append", "-I", "--insert"):
        return []
    return list(asks(read_rule("", found[1], 0, line, found[2:], (), None), proto))
