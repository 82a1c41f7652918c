"""Whether a rule is about a packet, as far as its addresses, ports, interfaces, protocol and state say: read from its text.

What is not understood may match: only what surely speaks against it counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from lab.ruleset.rule import Ports, complement, overlap, protocol_name, read_ports
from lab.ruleset.words import FREE_TEXT, words


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a packet where rules saw it; each is all that it may be, None where that is not known.

    ``sports`` and ``dports`` are ranges, ``entered`` and ``left`` interfaces, "" for none; ``states`` are conntrack's (NEW, …).
    """

    proto: str
    sources: Collection[str] | None = None
    destinations: Collection[str] | None = None
    sports: Ports | None = None
    dports: Ports | None = None
    entered: Collection[str] | None = None
    left: Collection[str] | None = None
    states: Collection[str] | None = None


_FIELDS = {
    "-s": "sources", "--source": "sources", "--src": "sources", "-d": "destinations", "--destination": "destinations",
    "--dst": "destinations", "-p": "proto", "--protocol": "proto", "--proto": "proto", "-i": "entered",
    "--in-interface": "entered", "-o": "left", "--out-interface": "left", "--sport": "sports", "--sports": "sports",
    "--source-port": "sports", "--source-ports": "sports", "--dport": "dports", "--dports": "dports",
    "--destination-port": "dports", "--destination-ports": "dports", "--ctstate": "states", "--state": "states",
}  # fmt: skip
_ADDRESS = r"(?P<value>\{[^}]*\}|[0-9a-fA-F.:/-]+)(?! \.)"
_OTHER = r'(?P<value>\{[^}]*\}|"[^"]*"|[\w.:,*-]+)(?! \.)'
_SIGN = r" (?P<sign>!= |== )?"
_NFT = tuple(
    (field, re.compile(pattern))
    for field, pattern in (
        ("sources", rf"(?<!\. )\bip6? saddr{_SIGN}{_ADDRESS}"),
        ("destinations", rf"(?<!\. )\bip6? daddr{_SIGN}{_ADDRESS}"),
        ("proto", rf"(?<!\. )\b(?:meta l4proto|ip protocol|ip6 nexthdr){_SIGN}{_OTHER}"),
        ("sports", rf"(?<!\. )\b(?:tcp|udp|th|sctp) sport{_SIGN}{_OTHER}"),
        ("dports", rf"(?<!\. )\b(?:tcp|udp|th|sctp) dport{_SIGN}{_OTHER}"),
        ("entered", rf"(?<!\. )\b(?:iifname|iif){_SIGN}(?!vmap|@){_OTHER}"),
        ("left", rf"(?<!\. )\b(?:oifname|oif){_SIGN}(?!vmap|@){_OTHER}"),
        ("states", rf"(?<!\. )\bct state{_SIGN}(?!vmap|@){_OTHER}"),
    )
)  # fmt: skip
_L4 = re.compile(r"(?<!\. )\b(tcp|udp|sctp) (?:[ds]port|flags)\b(?! \.)")


def may_match(text: str, seen: Seen, *, but: Collection[str] = ()) -> bool:
    """Whether nothing in a rule of either dialect speaks against the packet; the fields ``but`` are not asked."""
    conditions = _of_iptables(text) if text[:1] in ("-", "!", "[") else _of_nft(text)
    return all(field in but or _may_be(field, values, seen, negated=negated) for field, negated, values in conditions)


def _of_iptables(text: str) -> Iterator[tuple[str, bool, list[str]]]:
    found = words(text)
    for place, option in enumerate(found[:-1]):
        field = _FIELDS.get(option)
        if field is not None and (place == 0 or found[place - 1] not in FREE_TEXT):
            value = found[place + 1]
            yield field, place > 0 and found[place - 1] == "!", value.split(",")


def _of_nft(text: str) -> Iterator[tuple[str, bool, list[str]]]:
    for field, pattern in _NFT:
        for found in pattern.finditer(text):
            if "$" not in found["value"] and "@" not in found["value"]:
                values = [value.strip(' "') for value in found["value"].strip("{}").split(",")]
                yield field, (found["sign"] or "").startswith("!"), values
    for found in _L4.finditer(text):
        yield "proto", False, [found[1]]


def _may_be(field: str, values: list[str], seen: Seen, *, negated: bool) -> bool:
    """Whether one of what the packet may have in this field is among the values, or outside of them if ``negated``."""
    if field in ("sports", "dports"):
        return _may_be_port(values, seen.sports if field == "sports" else seen.dports, negated=negated)
    known: Collection[object] | None = (seen.proto,) if field == "proto" else getattr(seen, field)
    if known is None:
        return True
    is_one = _TESTS[field]
    told = [[is_one(value, one) for value in values] for one in known]
    if any(answer is None for answers in told for answer in answers):
        return True
    return any(any(answers) != negated for answers in told)


def _is_address(value: str, one: object) -> bool | None:
    try:
        first, dash, last = value.partition("-")
        address = ip_address(str(one))
        if dash:
            low, high = ip_address(first), ip_address(last)
            return low.version == address.version and int(low) <= int(address) <= int(high)
        return address in ip_network(value, strict=False)
    except ValueError:
        return None


def _may_be_port(values: list[str], known: Ports | None, *, negated: bool) -> bool:
    asked = read_ports(",".join(values).replace("-", ":"))
    return known is None or asked is None or bool(overlap(complement(asked) if negated else asked, known))


def _is_interface(value: str, one: object) -> bool:
    return str(one) == value or (value[-1:] in ("+", "*") and bool(one) and str(one).startswith(value[:-1]))


def _is_protocol(value: str, one: object) -> bool:
    named = protocol_name(value)
    return named is None or named == one


def _is_state(value: str, one: object) -> bool:
    return value.upper() == one


_TESTS: dict[str, Callable[[str, object], bool | None]] = {
    "sources": _is_address, "destinations": _is_address, "entered": _is_interface,
    "left": _is_interface, "proto": _is_protocol, "states": _is_state,
}  # fmt: skip
