"""Which ports a rule of native nft may treat otherwise than the others.

A rule is read piece by piece, each of a kind that is known to treat all ports alike, or to tell them apart by numbers that
stand in it.  One piece that is of neither kind, and nothing is told of the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lab.ruleset.conditions import without_texts
from lab.ruleset.nft.rule import new_destination, without_block
from lab.ruleset.rule import PORT_MAX, Ports, splits

_VALUE = r"(?:\{[^{}]*\}|\"[^\"]*\"|\([^()]*\)|[^\s{}()]+)"
_SELECTORS = (
    r"(?:meta )?[io]if(?:name|group|type|kind)?", r"(?:meta )?[io]brname",
    r"meta (?:l4proto|protocol|nfproto|mark|length|pkttype|priority|skuid|skgid|hour|day|time)",
    r"ip (?:saddr|daddr|protocol|dscp|ecn|ttl|length|version|hdrlength|frag-off)",
    r"ip6 (?:saddr|daddr|nexthdr|dscp|ecn|hoplimit|length|version)", r"ether (?:saddr|daddr|type)", r"vlan (?:id|pcp)",
    r"ct (?:state|status|direction|mark|zone|label|helper)",
    r"ct (?:original|reply) (?:ip6? )?(?:saddr|daddr|protocol|l3proto)",
    r"fib [sd]addr(?: \. (?:iif|oif|mark))* (?:oif|oifname|type|check)", r"icmp (?:type|code)", r"icmpv6 (?:type|code)",
    r"tcp flags", r"tcp option maxseg size", r"rt6? type", r"ct (?:(?:original|reply) )?(?:bytes|packets|avgpkt)",
)  # fmt: skip
_SELECTOR = f"(?:{'|'.join(_SELECTORS)})"
_ASKS = (
    rf"{_SELECTOR}(?: \. {_SELECTOR})*(?: &(?: {_VALUE}))?(?: (?:!=|==|<|>|<=|>=|!|vmap))? (?!set |map |\. )"
    rf"{_VALUE}(?: \| {_VALUE})*(?: / \S+)?"
)
_STATEMENTS = (
    r"counter(?: name \S+| packets \d+ bytes \d+)?",
    r"log(?: (?:level \w+|flags (?:all|[a-z]+(?: [a-z]+)?(?:,[a-z]+)*)|group \d+|snaplen \d+|queue-threshold \d+))*",
    r"accept|drop|return|continue|notrack", r"(?:jump|goto) (?:\{\}|[^\s{}]+)",
    r"reject(?: with (?:tcp reset|(?:icmpx?|icmpv6|icmp6) (?:type )?\S+))?",
    r"masquerade(?: to :\S+)?(?: (?:random|fully-random|persistent))*",
    r"snat(?: ip6?)? to [\[\]\d.:a-fA-F-]+(?: (?:random|fully-random|persistent))*",
    r"(?:meta|ct) (?:mark|priority|zone|label) set (?:0x[\da-f]+|\d+|none)",
    r"(?:meta|ct) mark set (?:meta|ct) mark(?: (?:&|\||\^|and|or|xor) (?:0x[\da-f]+|\d+))*",
    r"queue(?: flags \S+)? to \d+",
    r"meta pkttype set \w+", r"ct (?:timeout|expectation|event) set (?:\"[^\"]*\"|\S+)", r"flow add @\S+",
    # what remembers: while it is fresh it meets each port as its first
    r"limit (?:rate (?:over )?\d+(?: \w+)?/\w+(?: burst \d+ \w+)?|name (?:\"[^\"]*\"|[^\s{}]+))",
    r"quota (?:name (?:\"[^\"]*\"|[^\s{}]+)|(?:over |until )?\d+ \w+(?: used \d+ \w+)?)", r"ct count (?:over )?\d+",
    r"numgen inc mod \d+(?: offset \d+)?(?: (?:!=|==|<|>|<=|>=|vmap))? (?!map )(?:\{[^{}]*\}|\d+(?:-\d+)?)",
    r"meta nftrace set 1", r"ct helper set \"[^\"]*\"", r"tcp option maxseg size set (?:rt mtu|\d+)", r"ip6? dscp set \w+",
)  # fmt: skip
_LIKE_FOR_ALL = re.compile(rf"(?:{'|'.join(_STATEMENTS)}|{_ASKS})(?= |\Z)")
_PORT = "(?:(?:tcp|udp|sctp|dccp|udplite|th) [ds]port|ct original proto-dst)"
_KEY = rf"(?P<key>(?:{_SELECTOR}|{_PORT})(?: \. (?:{_SELECTOR}|{_PORT}))*)"
_VALUES = r"(?P<values>\{[^{}]*\}|@\S+|\d+(?:-\d+)?)"
_PORTS = re.compile(rf"{_KEY} (?:(?P<sign>!=|==|<|>|<=|>=|vmap) )?{_VALUES}(?= |\Z)")
_TRANSLATES_BY_MAP = re.compile(rf"(?:dnat(?: ip6?)?(?: addr \. port)?|redirect) to :?{_KEY} map {_VALUES}(?= |\Z)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
_TRANSLATES = re.compile(r"(?:dnat(?: ip6?)? to \S+|redirect(?: to \S+)?)(?= |\Z)")
_OF_AN_ELEMENT = r"(?:limit rate|quota|ct count|counter|timeout|expires)[^{}]*"
_WRITES = re.compile(
    rf"(?:(?P<verb>add|update|delete) @(?P<set>[^\s{{}}]+)|meter [^\s{{}}]+(?: size \d+)?)"
    rf" \{{ {_KEY}(?: (?:and|&) [\da-fA-F.:x]+)?(?: {_OF_AN_ELEMENT})? ?\}}(?= |\Z)"
)


def cuts_of_nft(text: str, sets: Mapping[str, str], own: Ports) -> tuple[Ports, ...] | None:
    """The ports that a rule may match, or give another way, apart from all others; None where that cannot be told.

    ``sets`` are the elements of those sets and maps of its table that stay as they are, or that nothing is in yet; ``own`` the
    ports that questions come from, of which the rule must not tell one from another.

    >>> cuts_of_nft("tcp dport { 80, 443 } tcp dport < 100 accept", {}, ())
    (((80, 80), (443, 443)), ((0, 99),), ((100, 100),))
    """
    bare = without_block(without_texts(text))
    cuts: list[Ports] = []
    place = 0
    while place < len(bare):
        found = _LIKE_FOR_ALL.match(bare, place) or _writing(bare, place, sets)
        if found is None and (found := _PORTS.match(bare, place) or _TRANSLATES_BY_MAP.match(bare, place)) is not None:
            asked = _asked(found, sets)
            if asked is None or any(end == "sport" and splits(ports, own) for end, ports in asked):
                return None
            if found.re is _TRANSLATES_BY_MAP and not bare.endswith(found["values"]):
                return None
            cuts += (ports for _, ports in asked)
        elif found is None and (found := _TRANSLATES.match(bare, place)) is not None and not _gives_one_port(bare):
            return None
        if found is None:
            return None
        place = found.end() + 1
    # the port that all get: the one packet that was sent to it arrives as it was
    given = new_destination(bare).ports or ""
    return *cuts, *((((int(given), int(given)),),) if given.isdecimal() else ())


def _writing(text: str, place: int, sets: Mapping[str, str]) -> re.Match[str] | None:
    """What writes a set, and for each port alike: with a port in its key, as long as nothing is in the set."""
    found = _WRITES.match(text, place)
    if found is None or not ("port" in found["key"] or "proto-dst" in found["key"]) or found["set"] is None:
        return found
    return found if found["verb"] != "delete" and sets.get(found["set"], "some").strip("{} \n\t") == "" else None


def _asked(found: re.Match[str], sets: Mapping[str, str]) -> list[tuple[str, Ports]] | None:
    """Which end's ports (``dport``, ``sport``) a piece of a rule tells from the others; None where one is no number."""
    values, selectors = found["values"], found["key"].split(" . ")
    elements = sets.get(values[1:]) if values[0] == "@" else values
    if elements is None:
        return None
    asked = list(_of_elements(selectors, elements))
    if None in asked:
        return None
    told = [one for one in asked if one is not None]
    sign = found.groupdict().get("sign") or ""
    if sign[:1] in ("<", ">"):
        return [(end, part) for end, ports in told for part in (((0, ports[0][0] - 1),), ports)]
    if len(selectors) == 1 and sign != "vmap" and " : " not in elements:
        return [(told[0][0], tuple(sorted(part for _, ports in told for part in ports)))] if told else []
    return told


def _of_elements(selectors: Sequence[str], written: str) -> Iterator[tuple[str, Ports] | None]:
    """The ports of each element of ``53``, ``{ 53, 67-68 : drop }`` or ``{ 192.0.2.1 . 443 }``; None for what is no number.

    What a map gives may be a constant alone: of several addresses or ports the kernel would choose one.
    """
    for element in written.strip("{} \n\t").split(","):
        key, _, data = element.strip().partition(" : ")
        parts = key.split(" . ")
        if key == "*" or not key:
            continue
        if len(parts) != len(selectors) or (data and "-" in data.partition(" ")[0] + data.rpartition(" ")[2]):
            yield None
            continue
        given = data.rpartition(" ")[2]
        if given.isdecimal():
            yield "dport", ((int(given), int(given)),)
        for selector, part in zip(selectors, parts, strict=True):
            if selector.endswith(("port", "proto-dst")):
                one = _RANGE.fullmatch(part.strip())
                low, high = (int(one[1]), int(one[2] or one[1])) if one is not None else (PORT_MAX + 1, 0)
                yield (selector[-5:], ((low, high),)) if low <= high else None


def _gives_one_port(text: str) -> bool:
    """Whether the rule gives all ports the same new one, or leaves them."""
    address, ports = new_destination(text)
    return address is not None and ports is not None and "-" not in address + ports
