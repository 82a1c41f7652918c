"""Services as people write them: ``tcp/443,8080-8090``, ``icmpv6/echo-request``, ``https``, a name of the topology."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence

from lab.errors import InputError, Problem, Where
from lab.written.cell import Service
from lab.written.icmp_types import parse_icmp

ServiceNames = Mapping[str, str | Sequence[str]]

_NOT_YET = ("sctp", "gre", "esp", "ah", "proto")
_ONLY = "this version sends tcp, udp, icmp and icmpv6 only"
_PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6")
TFTP_PORT = 69
APPLICATIONS = {"ftp": ("tcp", 21, ("control", "passive", "active")), "tftp": ("udp", TFTP_PORT, ("read",))}
"""Whose sessions can be asked for, by what, at which port, in which modes."""
_ICMPV6_SPELT = ("ipv6-icmp", "icmp6")
_PORT = re.compile(r"^\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?$")
_FORM = "a service is written tcp/443, udp/1-1023,8080, icmp/echo-request, icmpv6/echo-request, or a name like https"


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
        raise ValueError(f"{error}\n{_meant(value) or _FORM}") from None


def parse_service(value: object, names: ServiceNames | None = None, where: Where | None = None) -> Service:
    """One service from its text; ports come out merged and ascending.

    ``names`` are the topology's; a plain word is looked up there and then among the system's.  Raises InputError.
    """
    try:
        return _parse(value, names or {})
    except ValueError as error:
        raise InputError(Problem(str(error), where, _meant(value) or _FORM)) from None


def _meant(value: object) -> str:
    """The service that was probably meant by one that is written otherwise: ``tcp:22``, ``22/tcp``, ``TCP/22``."""
    parts = re.split(r"[:/\s]+", str(value).strip().lower())
    proto = next((one for one in parts if one in _PROTOCOLS), None)
    others = [one for one in parts if one != proto]
    if proto is None or len(parts) != 2 or len(others) != 1 or not re.fullmatch(r"[\d,-]+|[a-z][\w./-]*", others[0]):
        return ""
    meant = f"{proto}/{others[0]}"
    return f"did you mean {meant}?" if meant != value else ""


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
        raise ValueError(f"not yet: {text!r}: {_ONLY}")
    if proto in APPLICATIONS:
        return _application(text, proto, rest)
    if proto in _ICMPV6_SPELT:
        raise ValueError(f"{text!r}: this protocol is spelt icmpv6/{rest}")
    if proto in ("tcp", "udp"):
        return Service(text, proto, parse_ports(rest))
    if proto in ("icmp", "icmpv6"):
        kind, code = parse_icmp(text, proto, rest)
        return Service(text, proto, (), kind, code)
    raise ValueError(f"{text!r}: {proto!r} is not a protocol that the lab can send")


def _application(text: str, name: str, rest: str) -> Service:
    """A session of an application: ``ftp/passive``, ``ftp/active:2121``."""
    proto, port, modes = APPLICATIONS[name]
    mode, colon, written = rest.partition(":")
    if mode not in modes:
        raise ValueError(f"{text!r}: a session of {name} is one of {', '.join(f'{name}/{one}' for one in modes)}")
    ports = parse_ports(written) if colon else ((port, port),)
    if len(ports) > 1 or ports[0][0] != ports[0][1]:
        raise ValueError(f"{text!r}: a session has one port: {name}/{mode}:{ports[0][0]}")
    return Service(text, proto, ports, application=f"{name}/{mode}")


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
    if text in ("icmp", "icmpv6"):
        raise ValueError(f"{text!r} has no type: write {text}/echo-request or {text}/TYPE.CODE")
    if text in _ICMPV6_SPELT:
        raise ValueError(f"{text!r}: this protocol is spelt icmpv6: write icmpv6/echo-request or icmpv6/TYPE.CODE")
    if text in _NOT_YET or text == "any":
        raise ValueError(f"not yet: {text!r}: {_ONLY}")
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
