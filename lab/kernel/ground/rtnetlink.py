"""Links, addresses and routes: requests packed with struct, and all of a node's sent at once.

pyroute2 takes 0.3 to 1.1 ms to make one of these messages, 0.7 ms for a socket and 100 ms to be imported, the kernel 0.05 ms
to obey; a lab has a handful of them for every node.  Numbers are those of linux/rtnetlink.h, if_link.h, if_addr.h and veth.h.
"""

from __future__ import annotations

import os
import socket as sockets
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.errors import InputError, LabError, MeasurementError, Problem
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nfnetlink import (
    KERNEL_DEADLINE_S,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    messages,
    nest,
    raise_for_error,
    text,
)

NLM_F_REPLACE, _NLM_F_EXCL = 0x100, 0x200
_NEWLINK, _NEWADDR, _NEWNEIGH = 16, 20, 28
ADD = NLM_F_CREATE | _NLM_F_EXCL
_IFF_UP, _IFF_NOARP = 0x1, 0x80
_ADDRESS, _IFNAME, _MTU, _MASTER, _LINKINFO, _AF_SPEC, _NET_NS_FD, _TX_QUEUES, _RX_QUEUES = 1, 3, 4, 10, 18, 26, 28, 31, 32
_ADDR_GEN_MODE, _GEN_NONE = 8, b"\1"  # IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
_KIND, _DATA, _PEER = 1, 2, 1
_FORWARD_DELAY, _STP_STATE, _MCAST_SNOOPING = 1, 5, 23
_LLADDR, _NUD_NOARP, _NTF_MASTER = 2, 0x40, 0x04
_SCOPE_UNIVERSE = 0
_CACHEINFO, _FOREVER = 6, 0xFFFFFFFF  # IFA_CACHEINFO: preferred and valid lifetimes
_RT_PRIORITY = 9  # IFA_RT_PRIORITY (Linux 4.18)
_UNSPEC, LOCAL_TABLE, MAIN_TABLE, _COMPAT = 0, 255, 254, 252
_PART = 100  # messages; what is sent at once must fit into the socket's buffer, 212,992 bytes where nobody changed it
_SOL_NETLINK, _GET_STRICT_CHK = 270, 12  # dumps keep to what is asked for (Linux 4.20)
_NLM_F_DUMP_INTR = 0x10
_DUMPS = 1000  # in a row that a change cut into, before they are given up
_HEADER = struct.Struct("=IHHII")
_SEQUENCE_AND_ERROR = struct.Struct("=8xI4xi")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the kernel, and ``what`` a refusal would be told of."""

    what: str
    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a link that is to be; ``mtu`` (bytes) is the kernel's own where it is None."""

    name: str
    index: int
    mac: bytes
    mtu: int | None = None


def header(kind: int, flags: int, length: int, sequence: int = 0) -> bytes:
    """The header of a message whose body has ``length`` bytes (struct nlmsghdr)."""
    return _HEADER.pack(_HEADER.size + length, kind, flags | NLM_F_REQUEST, sequence, 0)


def told_plainly(node: str, request: Request, code: int) -> Problem:
    """That the kernel refused ``request`` with this error number."""
    return Problem(f"{node}: the kernel refuses {request.what}: {os.strerror(code)}")


def carry_out(
    node: str, namespace: Namespace, requests: Sequence[Request], refusal: type[LabError] = InputError,
    told: Callable[[str, Request, int], Problem] = told_plainly,
) -> None:  # fmt: skip
    """Have the kernel do all of ``requests`` in their order; raises ``refusal`` with the first that it does not, as ``told``.

    What comes after that one in the list may have been done.
    """
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as channel:
        for start in range(0, len(requests), _PART):
            part = requests[start : start + _PART]
            place, code = _exchange(channel, part)
            if code:
                raise refusal(told(node, part[place], code))


def open_route_socket(namespace: Namespace) -> sockets.socket:
    """A socket for `dump`, whose dumps keep to what the request says."""
    channel = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE)
    channel.settimeout(KERNEL_DEADLINE_S)
    channel.setsockopt(_SOL_NETLINK, _GET_STRICT_CHK, 1)
    return channel


def dump(channel: sockets.socket, kind: int, body: bytes) -> list[bytes]:
    """The messages that answer the request ``kind``, whole and once each: asked for again when a change cut into them.

    Raises OSError when the kernel refuses it, MeasurementError when it never holds still.
    """
    for _ in range(_DUMPS):
        channel.send(header(kind, NLM_F_DUMP, len(body)) + body)
        found, whole = _answer(channel)
        if whole:
            return found
    raise MeasurementError(Problem("the kernel's tables change faster than they can be read"))


def _answer(channel: sockets.socket) -> tuple[list[bytes], bool]:
    """One dump, which the kernel gives before each call returns, and whether nothing changed meanwhile."""
    found: list[bytes] = []
    whole = True
    while True:
        for kind, data in messages(channel.recv(1 << 18)):
            whole = whole and not struct.unpack_from("=H", data, 6)[0] & _NLM_F_DUMP_INTR
            if kind == NLMSG_DONE:
                return found, whole
            if kind == NLMSG_ERROR:
                raise_for_error(data)
            found.append(data)


def _exchange(channel: sockets.socket, requests: Sequence[Request]) -> tuple[int, int]:
    """The first that is refused and its error number, else the last and 0: errors are told unasked, and in order."""
    last = len(requests) - 1
    channel.settimeout(KERNEL_DEADLINE_S)
    channel.send(
        b"".join(
            header(one.kind, one.flags | NLM_F_ACK if place == last else one.flags, len(one.body), place) + one.body
            for place, one in enumerate(requests)
        )
    )
    _, told = next(messages(channel.recv(1 << 16)))
    place, error = _SEQUENCE_AND_ERROR.unpack_from(told)
    return place, -error


def _link(index: int, flags: int, *attributes: bytes) -> bytes:
    """Struct ifinfomsg, ``flags`` being the ones to set."""
    return struct.pack("=BxHiII", sockets.AF_UNSPEC, 0, index, flags, flags) + b"".join(attributes)


def word(kind: int, value: int) -> bytes:
    """A 32-bit attribute in the machine's own order."""
    return attribute(kind, struct.pack("=I", value))


def _end(link: Link, *attributes: bytes) -> bytes:
    # a queue is some 100 µs of sysfs, and by default there is one for each processor
    queues = word(_TX_QUEUES, 1) + word(_RX_QUEUES, 1)
    mtu = b"" if link.mtu is None else word(_MTU, link.mtu)
    return _link(link.index, 0, text(_IFNAME, link.name), attribute(_ADDRESS, link.mac), mtu, queues, *attributes)


def new_veth(one: Link, two: Link, namespace: Namespace, master: int | None = None) -> Request:
    """A veth pair: ``one`` where this is asked, as a port of the bridge ``master`` if given, ``two`` in ``namespace``."""
    peer = nest(_PEER, _end(two, word(_NET_NS_FD, namespace.descriptor)))
    info = nest(_LINKINFO, text(_KIND, "veth"), nest(_DATA, peer))
    port = [] if master is None else [word(_MASTER, master)]
    return Request(f"the link {one.name}", _NEWLINK, ADD, _end(one, info, *port))


def new_bridge(name: str, index: int, mac: bytes | None = None) -> Request:
    """A bridge whose ports forward as soon as they are up: no spanning tree, no delay, no snooping of multicast."""
    data = nest(_DATA, word(_STP_STATE, 0), word(_FORWARD_DELAY, 0), attribute(_MCAST_SNOOPING, b"\0"))
    address = b"" if mac is None else attribute(_ADDRESS, mac)
    body = _link(index, 0, text(_IFNAME, name), address, nest(_LINKINFO, text(_KIND, "bridge"), data))
    return Request(f"the bridge {name}", _NEWLINK, ADD, body)


def enslave(name: str, index: int, master: int) -> Request:
    """Make a link a port of the bridge ``master``."""
    return Request(f"{name} as a port", _NEWLINK, 0, _link(index, 0, word(_MASTER, master)))


def new_fdb_entry(name: str, index: int, mac: bytes) -> Request:
    """Let a bridge know for good which of its ports an address is behind (struct ndmsg; linux/neighbour.h)."""
    body = struct.pack("=BxxxiHBB", sockets.AF_BRIDGE, index, _NUD_NOARP, _NTF_MASTER, 0) + attribute(_LLADDR, mac)
    return Request(f"what is behind {name}", _NEWNEIGH, ADD, body)


def set_up(name: str, index: int) -> Request:
    """Set a link up."""
    return Request(f"{name} up", _NEWLINK, 0, _link(index, _IFF_UP))


def set_down(name: str, index: int) -> Request:
    """Set a link down: its routes and its IPv6 addresses go with it."""
    return Request(f"{name} down", _NEWLINK, 0, struct.pack("=BxHiII", sockets.AF_UNSPEC, 0, index, 0, _IFF_UP))


def set_mtu(name: str, index: int, mtu: int) -> Request:
    """Have the link ``index`` take packets of so many bytes at most."""
    return Request(f"{name} takes {mtu} bytes at most", _NEWLINK, 0, _link(index, 0, word(_MTU, mtu)))


def ask_nobody(name: str, index: int, *, ipv6: bool) -> Request:
    """Let a link ask for no neighbour; where the kernel has ``ipv6``, no link-local address, as its ends have one MAC."""
    own = nest(_AF_SPEC, nest(sockets.AF_INET6, attribute(_ADDR_GEN_MODE, _GEN_NONE))) if ipv6 else b""
    return Request(f"{name} point-to-point", _NEWLINK, 0, _link(index, _IFF_NOARP, own))


def new_address(name: str, index: int, written: str, metric: int | None = None, *, spare: bool = False) -> Request:
    """Give the interface ``name`` the address that is ``written`` with its prefix length; ``metric`` is its prefix route's.

    A ``spare`` one is never chosen for a source (it is deprecated, RFC 4862), and may be there already.
    """
    address, _, length = written.partition("/")
    family = sockets.AF_INET6 if ":" in address else sockets.AF_INET
    packed = sockets.inet_pton(family, address)
    body = struct.pack("=BBBBI", family, int(length), 0, _SCOPE_UNIVERSE, index) + attribute(1, packed)
    if family == sockets.AF_INET:
        body += attribute(2, packed)  # IFA_LOCAL, which is IFA_ADDRESS where there is no peer
    if metric is not None:
        body += word(_RT_PRIORITY, metric)
    if spare:
        body += attribute(_CACHEINFO, struct.pack("=IIII", 0, _FOREVER, 0, 0))
    return Request(f"address {written} on {name}", _NEWADDR, NLM_F_CREATE | NLM_F_REPLACE if spare else ADD, body)


def small_table(table: int) -> int:
    """The number of a table where a header has one byte for it; the whole number is an attribute."""
    return table if table < 256 else _COMPAT
