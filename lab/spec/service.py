"""Services as people write them: ``tcp/443,8080-8090``, ``icmp/echo-request``, ``https``, a name of the topology."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence

from lab.errors import InputError, Problem, Where
from lab.spec.cell import Service

ServiceNames = Mapping[str, str | Sequence[str]]

ICMP_TYPES = {
    "echo-reply": (0, 0),
    "destination-unreachable": (3, None),
    "network-unreachable": (3, 0),
    "host-unreachable": (3, 1),
    "port-unreachable": (3, 3),
    "fragmentation-needed": (3, 4),
    "source-quench": (4, 0),
    "redirect": (5, None),
    "echo-request": (8, 0),
    "router-advertisement": (9, 0),
    "router-solicitation": (10, 0),
    "time-exceeded": (11, None),
    "ttl-exceeded": (11, 0),
    "parameter-problem": (12, 0),
    "timestamp-request": (13, 0),
    "timestamp-reply": (14, 0),
    "address-mask-request": (17, 0),
    "address-mask-reply": (18, 0),
}
ICMPV6_TYPES = {
    "destination-unreachable": (1, None),
    "no-route": (1, 0),
    "communication-prohibited": (1, 1),
    "adm-prohibited": (1, 1),
    "address-unreachable": (1, 3),
    "port-unreachable": (1, 4),
    "packet-too-big": (2, 0),
    "time-exceeded": (3, None),
    "ttl-zero-during-transit": (3, 0),
    "ttl-zero-during-reassembly": (3, 1),
    "parameter-problem": (4, None),
    "bad-header": (4, 0),
    "unknown-header-type": (4, 1),
    "unknown-option": (4, 2),
    "echo-request": (128, 0),
    "echo-reply": (129, 0),
    "mld-query": (130, 0),
    "mld-report": (131, 0),
    "mld-done": (132, 0),
    "router-solicitation": (133, 0),
    "router-advertisement": (134, 0),
    "neighbour-solicitation": (135, 0),
    "neighbor-solicitation": (135, 0),
    "neighbour-advertisement": (136, 0),
    "neighbor-advertisement": (136, 0),
    "redirect": (137, 0),
}
_TYPES = {"icmp": ICMP_TYPES, "icmpv6": ICMPV6_TYPES}
_FAMILY_OF = {"icmp": 4, "icmpv6": 6}
_MISSPELT = {"ipv6-icmp": "icmpv6", "icmp6": "icmpv6", "icmpv4": "icmp"}
_NOT_YET = ("sctp", "gre", "esp", "ah", "proto")
_PORT = re.compile(r"^\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?$")
_FORM = "a service is written tcp/443, udp/1-1023,8080, icmp/echo-request, or a name like https"


def read_services(value: object, names: ServiceNames | None = None) -> tuple[Service, ...]:
    """All services that one word stands for: a name of the topology may stand for several.

    Raises ValueError: what is wrong, and in a second line how a service is written.
    """
    if isinstance(value, Service):
        return (value,)
    try:
        if names and isinstance(value, str) and value in names:
            written = names[value]
            texts = (written,) if isinstance(written, str) else tuple(written)
            return tuple(_parse(text, {}) for text in texts)
        return (_parse(value, names or {}),)
    except ValueError as error:
        raise ValueError(f"{error}\n{_FORM}") from None


def parse_service(value: object, names: ServiceNames | None = None, where: Where | None = None) -> Service:
    """One service from its text; ports come out merged and ascending.

    ``names`` are the topology's; a plain word is looked up there and then among the system's.  Raises InputError.
    """
    try:
        return _parse(value, names or {})
    except ValueError as error:
        raise InputError(Problem(str(error), where, _FORM)) from None


def _parse(value: object, names: ServiceNames) -> Service:
    if isinstance(value, Service):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"{value} is a number, not a service: say tcp/{value} or udp/{value}")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a service")
    text = value.strip()
    proto, slash, rest = text.partition("/")
    if not slash:
        return _named(text, names)
    if proto in _NOT_YET:
        raise ValueError(f"not yet: {text!r}: this version sends tcp, udp, icmp and icmpv6 only")
    if proto in ("tcp", "udp"):
        return Service(text, proto, parse_ports(rest))
    if proto in _TYPES:
        kind, code = _icmp(text, rest, _TYPES[proto])
        return Service(text, proto, (), kind, code)
    if proto in _MISSPELT:
        raise ValueError(f"{text!r}: {proto} is spelt {_MISSPELT[proto]} here")
    raise ValueError(f"{text!r}: {proto!r} is not a protocol that the lab can send")


def _named(text: str, names: ServiceNames) -> Service:
    if text in names:
        written = names[text]
        if isinstance(written, str):
            return _parse(written, {})
        if len(written) == 1:
            return _parse(written[0], {})
        raise ValueError(f"{text!r} stands for {len(written)} services where one belongs")
    if text in ("tcp", "udp"):
        raise ValueError(f"{text!r} has no port: write {text}/1-65535 for all")
    if text in _TYPES:
        raise ValueError(f"{text!r} has no type: write {text}/echo-request or {text}/TYPE.CODE")
    if text in _NOT_YET or text == "any":
        raise ValueError(f"not yet: {text!r}: this version sends tcp, udp, icmp and icmpv6 only")
    if text.isdigit():
        raise ValueError(f"{text} is a number, not a service: say tcp/{text} or udp/{text}")
    # tcp first: of the names that have both (domain, https) tcp is what a reader means by the plain word.
    for proto in ("tcp", "udp"):
        try:
            port = socket.getservbyname(text, proto)
        except OSError:
            continue
        return Service(text, proto, ((port, port),))
    hint = f" (names of this topology: {', '.join(sorted(names))})" if names else ""
    raise ValueError(f"{text!r} is not a service that the topology or this system has a name for{hint}")


def in_family(service: Service, family: int) -> bool:
    """Whether the service is one of that family: ICMP is IPv4's, ICMPv6 is IPv6's, the others are of both."""
    return _FAMILY_OF.get(service.proto, family) == family


def parse_ports(text: str) -> tuple[tuple[int, int], ...]:
    """Ports from ``1-1023,8080``: merged, ascending, both ends included.  Raises ValueError."""
    ranges = []
    for part in text.split(","):
        match = _PORT.match(part)
        if not match:
            raise ValueError(f"{part!r} is not a port or a range of ports")
        low, high = int(match[1]), int(match[2] or match[1])
        if low > high:
            raise ValueError(f"the range {part.strip()!r} runs backwards: say {high}-{low}")
        if low < 1 or high > 65535:
            raise ValueError(f"{part.strip()!r} is not between port 1 and 65535")
        ranges.append((low, high))
    return merged(ranges)


def merged(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same ports as ascending ranges that neither touch nor overlap."""
    if len(ranges) < 2:
        return tuple(ranges)
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def without(ranges: Sequence[tuple[int, int]], cut: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """``ranges`` less the ports of ``cut``, ascending."""
    left = list(merged(ranges))
    for cut_low, cut_high in cut:
        parts: list[tuple[int, int]] = []
        for low, high in left:
            if high < cut_low or low > cut_high:
                parts.append((low, high))
                continue
            if low < cut_low:
                parts.append((low, cut_low - 1))
            if high > cut_high:
                parts.append((cut_high + 1, high))
        left = parts
    return tuple(left)


def ports_text(ranges: Sequence[tuple[int, int]]) -> str:
    """Ports as a person writes them: ``1-442,444-65535``."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def _icmp(text: str, rest: str, types: Mapping[str, tuple[int, int | None]]) -> tuple[int, int]:
    if rest in types:
        kind, code = types[rest]
        return kind, code or 0
    first, dot, second = rest.partition(".")
    if not first.isdigit() or (dot and not second.isdigit()):
        raise ValueError(f"{text!r}: {rest!r} is no ICMP type; write its name ({', '.join(types)}) or TYPE.CODE")
    kind, code = int(first), int(second or 0)
    if kind > 255 or code > 255:
        raise ValueError(f"{text!r}: ICMP type and code are between 0 and 255")
    return kind, code
