"""Flows that a real host had, however they were written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from lab.written.icmp_types import ICMP_TYPES, ICMPV6_TYPES

OF_PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}
ICMPS = {1: "icmp", 58: "icmpv6"}
ECHO_REQUEST = {1: 8, 58: 128}  # RFC 792, RFC 4443
_TYPES = {
    proto: {kind: name for name, (kind, code) in reversed(types.items()) if code == 0}
    for proto, types in ((1, ICMP_TYPES), (58, ICMPV6_TYPES))
}


@dataclass(frozen=True, slots=True)
class LiveFlow:
    """A flow as its first packet was: ``service`` is ``tcp/443``, ``icmp/echo-request``, ``proto/47``.

    ``answered_by`` is the address that its answers came from and ``answered_to`` the one that they went to, before they were
    translated back; both None where that is not known (a capture).  ``replied`` tells that an answer was seen; ``count`` is
    how many flows differ in their source port alone.
    """

    family: int
    source: str
    destination: str
    service: str
    answered_by: str | None = None
    answered_to: str | None = None
    replied: bool = True
    count: int = 1


class Entry(NamedTuple):
    """One flow of a table or a capture: ``port`` is the destination's, or the type of ICMP; ``own`` what tells it from others
    of its kind: the source port, or the identifier of an echo.
    """

    source: str
    destination: str
    proto: int
    own: int | None = None
    port: int | None = None
    code: int = 0
    answered_by: str | None = None
    answered_to: str | None = None
    replied: bool = True


class Line(NamedTuple):
    """An entry of a table with all that is told of it: ``back`` is its second tuple, by its keys as they are printed.

    ``facts`` are the other words: ``timeout``, ``state``, ``mark``, ``zone``, ``helper``, ``labels``, and with an empty value
    those that stand alone: ``UNREPLIED``, ``ASSURED``, ``OFFLOAD``.
    """

    entry: Entry
    back: Mapping[str, str]
    facts: Mapping[str, str]


def address_in(text: str) -> str:
    """An address as the lab writes it; raises ValueError."""
    address = ip_address(text)
    if "%" in text:
        raise ValueError(f"{text!r} names an interface")
    return str(address)


def number_in(text: str, most: int = 65_535) -> int:
    """A number that is written plainly; raises ValueError."""
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        raise ValueError(f"{text[:20]!r} is no number up to {most:,}")
    return int(text)


def service_of(proto: int, port: int | None, code: int = 0) -> str:
    """A service as a row writes it.

    >>> service_of(6, 443), service_of(1, 8), service_of(47, None)
    ('tcp/443', 'icmp/echo-request', 'proto/47')
    """
    if proto in OF_PORTS and port is not None:
        return f"{OF_PORTS[proto]}/{port}"
    if proto in ICMPS and port is not None:
        return f"{ICMPS[proto]}/{_TYPES[proto].get(port, port) if not code else f'{port}.{code}'}"
    return f"proto/{proto}"


def gathered(entries: Iterable[Entry]) -> tuple[LiveFlow, ...]:
    """The flows that differ in more than their own port, the most frequent first; what is told twice is one."""
    found: dict[LiveFlow, set[int | None]] = {}
    for entry in entries:
        flow = LiveFlow(
            6 if ":" in entry.source else 4, entry.source, entry.destination, service_of(entry.proto, entry.port, entry.code),
            entry.answered_by, entry.answered_to, entry.replied,
        )  # fmt: skip
        found.setdefault(flow, set()).add(entry.own)
    counted = ((flow, len(own)) for flow, own in found.items())
    return tuple(
        LiveFlow(
            flow.family, flow.source, flow.destination, flow.service, flow.answered_by, flow.answered_to, flow.replied, count
        )
        for flow, count in sorted(counted, key=lambda one: -one[1])
    )
