"""Whether flows lie in classes that a report tells, read from the words of the report alone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from lab.probe.question import NUMBERS
from lab.record.difference import Aspect, Difference, DiffReport, FlowClass
from lab.written.icmp_types import ICMP_TYPES, ICMPV6_TYPES

SEEN_FROM_OUTSIDE = (Aspect.ALLOW, Aspect.REFUSAL, Aspect.TRANSLATION, Aspect.WAY)
"""The aspects in which a difference shows to who sends, or to who is sent to."""


def told_of(
    report: DiffReport, source: str, destination: str, service: str, aspects: tuple[Aspect, ...] = tuple(Aspect)
) -> Iterator[Difference]:
    """The differences in one of these aspects that have a flow in their class."""
    for one in report.differences:
        if one.aspect in aspects and contains(one.of, source, destination, service):
            yield one


def contains(of: FlowClass, source: str, destination: str, service: str) -> bool:
    """Whether a class has a flow, or its shadow where it is not whole; services are ``tcp/443``, ``icmp/echo-request``.

    >>> web = FlowClass(("10.0.0.0/8",), ("192.0.2.1-192.0.2.9", "198.51.100.7"), ("tcp/80,440-443",))
    >>> contains(web, "10.3.2.1", "192.0.2.9", "tcp/442"), contains(web, "10.3.2.1", "192.0.2.10", "tcp/442")
    (True, False)
    >>> contains(FlowClass(("10.0.0.1",), ("10.0.0.2",), ("icmp/0-255",)), "10.0.0.1", "10.0.0.2", "icmp/echo-request")
    True
    """
    return _in(of.sources, source) and _in(of.destinations, destination) and any(_serves(one, service) for one in of.services)


def _in(words: tuple[str, ...], address: str) -> bool:
    wanted = ip_address(address)
    for word in words:
        first, dash, last = word.partition("-")
        if word == "…":  # a class of very many prefixes is not told whole: nothing can be held against it
            return True
        if dash:
            if int(ip_address(first)) <= int(wanted) <= int(ip_address(last)):
                return True
        elif wanted in ip_network(word, strict=False):
            return True
    return False


def _serves(told: str, service: str) -> bool:
    name, _, ports = told.partition("/")
    wanted, _, what = service.partition("/")
    if name in ("any", "proto"):
        return name == "any" or any(low <= NUMBERS[wanted] <= high for low, high in _ranges(ports))
    if name != wanted:
        return False
    number = _number(wanted, what)
    return not ports or any(low <= number <= high for low, high in _ranges(ports, wanted))


def _number(proto: str, word: str) -> int:
    """A port, or a type of ICMP by its number or its name."""
    if word.isdecimal():
        return int(word)
    return (ICMP_TYPES if proto == "icmp" else ICMPV6_TYPES)[word][0]


def _ranges(ports: str, proto: str = "") -> Iterator[tuple[int, int]]:
    for one in ports.split(","):
        low, _, high = one.partition("-") if one[:1].isdecimal() else (one, "", "")
        yield _number(proto, low), _number(proto, high or low)
