"""Where a rule of native nft may treat one destination port otherwise than the next.

A rule is read piece by piece, each of a kind that is known to treat all ports alike, or to tell them apart by numbers that
stand in it.  One piece that is of neither kind, and nothing is told of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
    rf"{_SELECTOR}(?: \. {_SELECTOR})*(?: &(?: {_VALUE}))?(?: (?:!=|==|<|>|<=|>=|vmap))? (?!set |map |\. ){_VALUE}(?: / \S+)?"
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
_DPORT = "(?:tcp|udp|sctp|dccp|udplite|th) dport"
_KEY = rf"(?P<key>(?:{_SELECTOR}|{_DPORT})(?: \. (?:{_SELECTOR}|{_DPORT}))*)"
_VALUES = r"(?P<values>\{[^{}]*\}|@\S+|\d+(?:-\d+)?)"
_PORTS = re.compile(rf"{_KEY} (?:(?:!=|==|<|>|<=|>=|vmap) )?{_VALUES}(?= |\Z)")
_TRANSLATES_BY_MAP = re.compile(rf"(?:dnat(?: ip6?)?(?: addr \. port)?|redirect) to :?{_KEY} map {_VALUES}(?= |\Z)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_TRANSLATES = re.compile(r"(?:dnat(?: ip6?)? to \S+|redirect(?: to \S+)?)(?= |\Z)")
_LIMITS = re.compile(r"limit (?:rate (?:over )?\S+(?: burst \d+ \w+)?|name \S+)(?= |\Z)")


def cuts_of_nft(text: str, sets: Mapping[str, str], *, merely_logs: bool = False) -> frozenset[int] | None:
    """The destination ports at which a rule may begin or cease to match, or do another thing; None where that cannot be told.

    ``sets`` are the elements of those sets and maps of its table that stay as they are.  ``merely_logs``: nothing it does is a
    packet's fate, so that a limit in it is none of a port.

    >>> sorted(cuts_of_nft("tcp dport { 80, 443 } accept", {}))
    [80, 81, 443, 444]
    """
    bare = without_block(without_texts(text))
    cuts: set[int] = set()
    place = 0
    while place < len(bare):
        found = _LIKE_FOR_ALL.match(bare, place) or (_LIMITS.match(bare, place) if merely_logs else None)
        if found is None and (found := _PORTS.match(bare, place) or _TRANSLATES_BY_MAP.match(bare, place)) is not None:
            values = found["values"]
            edges = _edges(found["key"].split(" . "), sets.get(values[1:]) if values[0] == "@" else values)
            if edges is None or (found.re is _TRANSLATES_BY_MAP and not bare.endswith(values)):
                return None
            cuts |= edges
        elif found is None and (found := _TRANSLATES.match(bare, place)) is not None and not _gives_one_port(bare):
            return None
        if found is None:
            return None
        place = found.end() + 1
    return frozenset(cuts)


def _edges(selectors: Sequence[str], written: str | None) -> set[int] | None:
    """Where ports begin and end in ``53``, ``{ 53, 67-68 : drop }`` or ``{ 192.0.2.1 . 443 }``; None where one is no number.

    What a map gives may be a constant alone: of several addresses or ports the kernel would choose one.
    """
    if written is None:
        return None
    found: set[int] = set()
    for element in written.strip("{} \n\t").split(","):
        key, _, data = element.strip().partition(" : ")
        parts = key.split(" . ")
        if key == "*" or not key:
            continue
        if len(parts) != len(selectors) or (data and "-" in data.partition(" ")[0] + data.rpartition(" ")[2]):
            return None
        for selector, part in zip(selectors, parts, strict=True):
            if selector.endswith(" dport"):
                one = _RANGE.fullmatch(part.strip())
                if one is None:
                    return None
                found |= {int(one[1]), int(one[2] or one[1]) + 1}
    return found


def _gives_one_port(text: str) -> bool:
    """Whether the rule gives all ports the same new one, or leaves them."""
    address, ports = new_destination(text)
    return address is not None and ports is not None and "-" not in address + ports
