"""Whether what was taken of a host is of one host: its rules, its interfaces and its routes must know each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.errors import InputError, Problem, Where
from lab.record.host import Host
from lab.twin.named import interfaces_named

_DEV = re.compile(r"\bdev (\S+)")
_SRC = re.compile(r"\bproto kernel\b.*\bsrc (\S+)")
_FEW = 3
_MOST_NAMED = 5
_MEND = "give the files of one host, taken at one time"


def check_fit(host: Host) -> tuple[str, ...]:
    """Sentences on what does not quite fit; raises InputError where it is plainly of two hosts.

    What is not captured fits anything.  Interfaces may come and go, so that a single one that is missing says nothing.
    """
    if not host.links:
        return ()
    links = {link.name for link in host.links}
    routed = {dev for _, line in host.routes for dev in _DEV.findall(line)} - {"lo"}
    if routed and not routed & links:
        raise _two(host, f"the routes lead out by {_few(routed)}, and there is no such interface: there are {_few(links)}")
    notes = [f"routes lead out by {dev}, which is no interface of the host" for dev in sorted(routed - links)]
    notes += _foreign_addresses(host)
    if not host.is_snapshot:
        check_interfaces(host)  # what it says of some that are missing, it says of the twin
    return tuple(notes)


def check_interfaces(host: Host) -> str | None:
    """What to say of interfaces that rules name and the host has not; raises InputError where it has none of several.

    Interfaces come and go, so that one that is missing says little, and a snapshot is of one host whatever it has at the time.
    A host whose interfaces nobody dumped has none to be held against.
    """
    there = {link.name.partition("@")[0] for link in host.links} | {"lo"}
    if there == {"lo"}:
        return None
    named = interfaces_named(host)
    absent = {name: where for name, where in named.items() if name not in there}
    if not absent:
        return None
    told = ", ".join(f"{name} ({where})" for name, where in [*absent.items()][:_MOST_NAMED])
    told += f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
    if len(absent) == len(named) > 1 and not host.is_snapshot:
        has = ", ".join(sorted(there - {"lo"}))
        what = f"the rules are of another host than {host.name}: they name {told}, and it has {has}"
        raise InputError(Problem(what, host.at, _MEND))
    return f"{host.name}: rules name interfaces that it does not have: {told}: no packet comes or goes by them"


def _foreign_addresses(host: Host) -> Iterator[str]:
    """Routes that a kernel made have an own address as their source (net/ipv4/fib_frontend.c, fib_add_ifaddr)."""
    own = {str(address.ip) for link in host.links for address in link.addresses}
    links = {link.name for link in host.links}
    sources = {
        found[1] for _, line in host.routes
        if (found := _SRC.search(line)) is not None and not links.isdisjoint(_DEV.findall(line))
    }
    foreign = sources - own
    if foreign and 2 * len(foreign) >= len(sources):
        raise _two(host, f"the host of the routes has the addresses {_few(foreign)}, and no interface has them")
    yield from (f"routes say that {address} is an address of the host, and no interface has it" for address in sorted(foreign))


def _two(host: Host, what: str) -> InputError:
    where = host.at or Where(host.name)
    return InputError(Problem(f"these are of two hosts: {what}", where, _MEND))


def _few(names: set[str]) -> str:
    first = sorted(names)[:_FEW]
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(first)}{more}"
