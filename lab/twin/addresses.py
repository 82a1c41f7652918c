"""Addresses of interfaces, and interfaces that several outputs tell of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from lab.errors import InputError, Problem, Where
from lab.record.host import Link

_LONGEST_NAME = 15  # IFNAMSIZ and its final zero


def interface_of(
    own: str, far: str | None, family: int, where: Where
) -> tuple[IPv4Interface | IPv6Interface, str | None]:
    """An address with its prefix length, and the far end's address; ``10.8.0.1 peer 10.8.0.2/32`` has the length behind it.

    That length is of the far end's prefix, which the kernel makes a route for (net/ipv4/fib_frontend.c, fib_add_ifaddr): an
    own address that does not lie in it stands alone.  Raises InputError.
    """
    mend = "take it as `ip addr` prints it"
    try:
        if far is None:
            found, peer = ip_interface(own), None
        else:
            beyond = ip_interface(far)
            peer = str(beyond.ip)
            alone = own.partition("/")[0]
            inside = ip_interface(alone).ip in beyond.network
            found = ip_interface(f"{alone}/{beyond.network.prefixlen}" if inside else alone)
    except ValueError:
        wrong = own if far is None else f"{own} peer {far}"
        raise InputError(Problem(f"{wrong[:80]!r} is not an address of an interface", where, mend)) from None
    if found.version != family:
        raise InputError(Problem(f"{own[:80]!r} is not an address of IPv{family}", where, mend))
    return found, peer


def joined(links: Iterable[tuple[Link, Where]]) -> tuple[Link, ...]:
    """What several outputs tell of the same interfaces, as one.

    Raises InputError where they contradict each other, as the outputs of two hosts do, or a name is none.
    """
    found: dict[str, Link] = {}
    for link, where in links:
        _check_name(link.name, where)
        before = found.get(link.name)
        found[link.name] = link if before is None else _both(before, link, where)
    return tuple(found.values())


def _both(one: Link, other: Link, where: Where) -> Link:
    differs = next((
        f"{what} {mine} and {yours}"
        for what, mine, yours in (("the hardware address", one.mac, other.mac), ("the kind", one.kind, other.kind))
        if mine is not None and yours is not None and mine != yours
    ), None)
    if differs is not None:
        raise InputError(Problem(
            f"the interface {one.name} is there twice, with {differs}: these are two hosts", where,
            "give one host's files, and the other host as a snapshot of its own",
        ))
    return replace(
        one, addresses=tuple(dict.fromkeys((*one.addresses, *other.addresses))), kind=one.kind or other.kind,
        mac=one.mac or other.mac, mtu=one.mtu or other.mtu, up=one.up and other.up, master=one.master or other.master,
        peer=tuple(dict.fromkeys((*one.peer, *other.peer))), point_to_point=one.point_to_point or other.point_to_point,
    )  # fmt: skip


def _check_name(name: str, where: Where) -> None:
    if not name or len(name.encode(errors="surrogatepass")) > _LONGEST_NAME or not name.isprintable() or set(name) & set("/ "):
        raise InputError(Problem(f"{name[:40]!r} is no name that an interface can have", where, "take it as `ip` prints it"))
