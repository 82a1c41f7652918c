"""The headers of a packet, as one place saw them."""

from __future__ import annotations

from typing import NamedTuple

PROTOCOL_NAMES = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 132: "sctp"}
ICMPS = (1, 58)
_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}


def protocol_number(name: str) -> int:
    """The number of a protocol by its name, and of one without a name as services have it.

    >>> protocol_number("gre"), protocol_number("proto/99")
    (47, 99)
    """
    found = _NUMBERS.get(name)
    return int(name.removeprefix("proto/")) if found is None else found


class Packet(NamedTuple):
    """One packet's headers as they stood at one hook; addresses as text, ports None where the protocol has none.

    ``sport`` and ``dport`` of an ICMP echo are its identifier and sequence number, so that a packet and its answer are
    found by the same fields in every protocol.  ``flags`` is the TCP flags byte (RFC 9293), or the ICMP type.
    """

    family: int
    proto: int
    source: str
    sport: int | None
    destination: str
    dport: int | None
    flags: int = 0
    code: int = 0

    def __str__(self) -> str:
        name = PROTOCOL_NAMES.get(self.proto, f"proto {self.proto}")
        if self.proto in ICMPS:
            return f"{name} {self.source} > {self.destination} type {self.flags} code {self.code}"
        left = self.source if self.sport is None else f"{self.source}:{self.sport}"
        right = self.destination if self.dport is None else f"{self.destination}:{self.dport}"
        return f"{name} {left} > {right}"

    def end_point(self, side: str) -> str:
        """The address of one side (``source``, ``destination``), with its port where the protocol has ports."""
        address, port = (self.source, self.sport) if side == "source" else (self.destination, self.dport)
        return end_point(address, None if self.proto in ICMPS else port)


def end_point(address: str, port: int | None) -> str:
    """``10.0.2.10:443``, ``[2001:db8::10]:443``; the address alone where there is no port.

    >>> end_point("10.0.2.10", 443), end_point("2001:db8::10", 443), end_point("10.0.2.10", None)
    ('10.0.2.10:443', '[2001:db8::10]:443', '10.0.2.10')
    """
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
