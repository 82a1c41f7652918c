"""Where a rule of native nft may treat one destination port otherwise than the next.

A rule is read piece by piece, each of a kind that is known to treat all ports alike, or to tell them apart by numbers that
stand in it.  One piece that is of neither kind, and nothing is told of the rule.
"""

from __future__ import annotations

import re

from lab.ruleset.conditions import without_texts
from lab.ruleset.nft.rule import new_destination, without_block

_VALUE = r"(?:\{[^{}]*\}|\"[^\"]*\"|\([^()]*\)|[^\s{}()]+)"
_SELECTORS = (
    r"(?:meta )?[io]if(?:name|group|type|kind)?", r"(?:meta )?[io]brname",
    r"meta (?:l4proto|protocol|nfproto|mark|length|pkttype|priority|skuid|skgid|hour|day|time)",
    r"ip (?:saddr|daddr|protocol|dscp|ecn|ttl|length|version|hdrlength|frag-off)",
    r"ip6 (?:saddr|daddr|nexthdr|dscp|ecn|hoplimit|length|version)", r"ether (?:saddr|daddr|type)", r"vlan (?:id|pcp)",
    r"ct (?:state|status|direction|mark|zone|label|helper)",
    r"ct (?:original|reply) (?:ip6? )?(?:saddr|daddr|protocol|l3proto)",
    r"fib [sd]addr(?: \. (?:iif|oif|mark))* (?:oif|oifname|type|check)", r"icmp (?:type|code)", r"icmpv6 (?:type|code)",
    r"tcp flags",
)  # fmt: skip
_SELECTOR = f"(?:{'|'.join(_SELECTORS)})"
_ASKS = (
    rf"{_SELECTOR}(?: \. {_SELECTOR})*(?: &(?: {_VALUE}))?(?: (?:!=|==|<|>|<=|>=|vmap))? (?!set |map ){_VALUE}(?: / \S+)?"
)
_STATEMENTS = (
    r"counter(?: name \S+| packets \d+ bytes \d+)?",
    r"log(?: (?:level \w+|flags (?:all|[a-z]+(?: [a-z]+)?(?:,[a-z]+)*)|group \d+|snaplen \d+|queue-threshold \d+))*",
    r"accept|drop|return|continue|notrack", r"(?:jump|goto) (?:\{\}|[^\s{}]+)",
    r"reject(?: with (?:tcp reset|(?:icmpx?|icmpv6|icmp6) (?:type )?\S+))?",
    r"masquerade(?: to :\S+)?(?: (?:random|fully-random|persistent))*",
    r"snat(?: ip6?)? to [\[\]\d.:a-fA-F-]+(?: (?:random|fully-random|persistent))*",
    r"(?:meta|ct) (?:mark|priority|zone|label) set (?:0x[\da-f]+|\d+|none)", r"meta mark set ct mark", r"ct mark set meta mark",
    r"meta nftrace set 1", r"ct helper set \"[^\"]*\"", r"tcp option maxseg size set (?:rt mtu|\d+)", r"ip6? dscp set \w+",
)  # fmt: skip
_LIKE_FOR_ALL = re.compile(rf"(?:{'|'.join(_STATEMENTS)}|{_ASKS})(?= |\Z)")
_PORTS = re.compile(
    r"(?:tcp|udp|sctp|dccp|udplite|th) dport (?:(?:!=|==|<|>|<=|>=|vmap) )?(\{[^{}]*\}|\d+(?:-\d+)?)(?= |\Z)"
)
_RANGE = re.compile(r"\s*(\d+)(?:-(\d+))?(?: : .*)?", re.DOTALL)
_TRANSLATES = re.compile(r"(?:dnat(?: ip6?)? to \S+|redirect(?: to \S+)?)(?= |\Z)")
_LIMITS = re.compile(r"limit (?:rate (?:over )?\S+(?: burst \d+ \w+)?|name \S+)(?= |\Z)")


def cuts_of_nft(text: str, *, merely_logs: bool = False) -> frozenset[int] | None:
    """The destination ports at which a rule may begin or cease to match, or do another thing; None where that cannot be told.

    ``merely_logs``: nothing it does is a packet's fate, so that a limit in it is none of a port.
    """
    bare = without_block(without_texts(text))
    cuts: set[int] = set()
    place = 0
    while place < len(bare):
        found = _LIKE_FOR_ALL.match(bare, place) or (_LIMITS.match(bare, place) if merely_logs else None)
        if found is None and (found := _PORTS.match(bare, place)) is not None:
            edges = _edges(found[1])
            if edges is None:
                return None
            cuts |= edges
        elif found is None and (found := _TRANSLATES.match(bare, place)) is not None and not _gives_one_port(bare):
            return None
        if found is None:
            return None
        place = found.end() + 1
    return frozenset(cuts)


def _edges(written: str) -> set[int] | None:
    """Where the ranges of ``53``, ``1024-65535`` or ``{ 53, 67-68 : drop }`` begin and end; None where one is no number."""
    found: set[int] = set()
    for part in written.strip("{} ").split(","):
        one = _RANGE.fullmatch(part)
        if one is None:
            return None
        found |= {int(one[1]), int(one[2] or one[1]) + 1}
    return found


def _gives_one_port(text: str) -> bool:
    """Whether the rule gives all ports the same new one, or leaves them."""
    address, ports = new_destination(text)
    return address is not None and ports is not None and "-" not in address + ports
