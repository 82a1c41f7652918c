"""What a rule asks of a packet, condition by condition, in either dialect: read from its text, and never more than it says.

A condition that is not understood is left out: whoever reads these knows what a rule surely asks, not all that it asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lab.ruleset.nft.rule import without_block
from lab.ruleset.words import FREE_TEXT, words

SOURCES, DESTINATIONS, PROTO, SPORTS, DPORTS = "sources", "destinations", "proto", "sports", "dports"
ENTERED, LEFT, STATES = "entered", "left", "states"
PORTS = "ports"
"""Ports of which either may be the packet's source or destination port."""
ORIGINAL_SPORTS = "original_sports"
"""The source port of a flow's first packet, as conntrack keeps it."""
ORIGINAL_DPORTS = "original_dports"
"""The destination port of a flow's first packet, before it was translated."""
ICMP_TYPES = "icmp_types"
OF_SOURCE_PORTS = frozenset((SPORTS, PORTS, ORIGINAL_SPORTS))


class Condition(NamedTuple):
    """One thing that a rule asks: ``field`` is that of the packet, ``values`` those it may have, or may not if ``negated``.

    The values are as the rule writes them: ``1024:65535`` and ``1024-65535``, ``eth+`` and ``eth*``; one that begins with
    ``@`` or ``$`` is a name for values that the rule does not have.
    """

    field: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def is_named(self) -> bool:
        """Whether some of the values are not in the rule."""
        return any(value[:1] in ("@", "$") for value in self.values)


def is_interface(word: str, name: str) -> bool:
    """Whether a rule that writes a word means the interface of this name.

    >>> is_interface("eth+", "eth0"), is_interface("eth*", "wan"), is_interface("eth0", "eth0")
    (True, False, True)
    """
    return name.startswith(word[:-1]) if word[-1:] in ("+", "*") else name == word


_OPTIONS = {
    "-s": SOURCES, "--source": SOURCES, "--src": SOURCES, "-d": DESTINATIONS, "--destination": DESTINATIONS,
    "--dst": DESTINATIONS, "-p": PROTO, "--protocol": PROTO, "--proto": PROTO, "-i": ENTERED, "--in-interface": ENTERED,
    "-o": LEFT, "--out-interface": LEFT, "--sport": SPORTS, "--sports": SPORTS, "--source-port": SPORTS,
    "--source-ports": SPORTS, "--dport": DPORTS, "--dports": DPORTS, "--destination-port": DPORTS,
    "--destination-ports": DPORTS, "--ctstate": STATES, "--state": STATES, "--ports": PORTS, "--port": PORTS,
    "--icmp-type": ICMP_TYPES, "--icmpv6-type": ICMP_TYPES,
    # what conntrack calls the reply's destination port is the same one
    "--ctorigsrcport": ORIGINAL_SPORTS, "--ctrepldstport": ORIGINAL_SPORTS,
    "--ctorigdstport": ORIGINAL_DPORTS,
}  # fmt: skip
_KEYS = {
    "ip saddr": SOURCES, "ip6 saddr": SOURCES, "ip daddr": DESTINATIONS, "ip6 daddr": DESTINATIONS, "meta l4proto": PROTO,
    "ip protocol": PROTO, "ip6 nexthdr": PROTO, "iifname": ENTERED, "iif": ENTERED, "oifname": LEFT, "oif": LEFT,
    "ct state": STATES, "ct original proto-src": ORIGINAL_SPORTS,
    "ct original proto-dst": ORIGINAL_DPORTS, "icmp type": ICMP_TYPES, "icmpv6 type": ICMP_TYPES,
} | {f"{proto} {end}": field for proto in ("tcp", "udp", "sctp", "dccp", "udplite", "th")
     for end, field in (("sport", SPORTS), ("dport", DPORTS))}  # fmt: skip
# of a concatenation (`ip saddr . tcp dport`) each part depends on the others: it is not read
_ALONE = r"(?<!\. )(?<![\w/.@-])(?<!original )(?<!reply )(?<!with )"
_NFT = re.compile(
    rf"{_ALONE}(?P<key>{'|'.join(sorted(_KEYS, key=len, reverse=True))})"
    r" (?P<sign>!= |== |neq |eq )?(?P<map>v?map )?(?P<value>\{[^{}]*\}|\"[^\"]*\"|(?![.&|^<>])[^\s;{}]+)"
)
# what names its header asks for its protocol too
_HEADER = re.compile(rf"{_ALONE}(tcp|udp|sctp|dccp|udplite|icmp|icmpv6) (?:[ds]port|flags|type|code)\b(?! \.)")
_TEXTS = re.compile(r' (?:comment|log prefix|prefix) "[^"]*"')
_NO_CONDITION = re.compile(  # a route that is looked up, and what is written into a set
    r"(?<![\w/.@-])(?:fib [sd]addr(?: \. \w+)* \w+|(?:(?:add|update|delete) @|meter )[^\s{]+(?: size \d+)? \{[^{}]*\})"
)


def without_texts(text: str) -> str:
    """A rule of nft without what it says to people, in its comment and its logs.

    >>> without_texts('tcp dport 22 accept comment "tcp dport 23"')
    'tcp dport 22 accept'
    """
    return _TEXTS.sub("", text) if '"' in text else text


def of_iptables(text: str) -> Iterator[Condition]:
    """The conditions of a rule as iptables-save prints it, or as people write it.

    >>> list(of_iptables("-A INPUT ! -i eth+ -j DROP"))
    [Condition(field='entered', values=('eth+',), negated=True)]
    """
    negated = False
    found = iter(words(text))
    for word in found:
        if word in FREE_TEXT:
            next(found, None)
        elif (field := _OPTIONS.get(word)) is not None:
            yield Condition(field, tuple(next(found, "").split(",")), negated)
        elif "=" in word and (field := _OPTIONS.get(word.partition("=")[0])) is not None:
            yield Condition(field, tuple(word.partition("=")[2].split(",")), negated)
        negated = word == "!"


def of_nft(text: str) -> Iterator[Condition]:
    """The conditions of a rule as nft prints it; a map is one too, as a rule ends where its map has no such key.

    Of ``jump { … }`` the rules within ask for themselves.

    >>> list(of_nft("ip saddr { 10.0.9.7, 10.0.9.8 } accept"))
    [Condition(field='sources', values=('10.0.9.7', '10.0.9.8'), negated=False)]
    """
    bare = _NO_CONDITION.sub("", without_block(without_texts(text)))
    for found in _NFT.finditer(bare):
        written = found["value"].strip("{}").split(",")
        keys = (part.partition(" : ")[0] if found["map"] else part for part in written)
        values = tuple(key.strip(' "') for key in keys)
        if not (found["map"] and "*" in values):
            yield Condition(_KEYS[found["key"]], values, (found["sign"] or "")[:1] in ("!", "n"))
    for found in _HEADER.finditer(bare):
        yield Condition(PROTO, (found[1],))
