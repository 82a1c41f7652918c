"""Up means up: links carry packets, bridge ports forward, and every IPv6 address is its node's own, as the kernel notifies.

An IPv6 address is there long before its node answers for it: one work queue of the whole machine (``ipv6_addrconf``) joins the
group that it is asked for by, ends its tentative state and enters its route of type ``local``, in this order, however busy
the machine is (addrconf_dad_work).  Until that route is there a packet to the address is forwarded, not taken in.

The state is asked for and read with struct, as a decoded dump takes longer than the links take to come up.  Numbers are those
of linux/rtnetlink.h, linux/if_link.h and linux/ipv6.h.
"""

from __future__ import annotations

import socket as sockets
import struct
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from lab.errors import MeasurementError, Problem
from lab.kernel.ground.nfnetlink import attributes
from lab.kernel.ground.rtnetlink import LOCAL_TABLE, dump, open_route_socket
from lab.kernel.ground.syscalls import readable
from lab.kernel.stage.node import Node
from lab.kernel.stage.wiring import BRIDGE

_RTMGRP_LINK, _RTMGRP_IPV6_ROUTE = 0x1, 0x400
_GETLINK, _GETROUTE = 18, 26
_LINK_ATTRIBUTES, _ROUTE_ATTRIBUTES = 32, 28  # behind struct nlmsghdr and struct ifinfomsg or rtmsg
_INDEX_AT, _LINK_FLAGS_AT, _LENGTH_AT, _IFF_UP = 20, 24, 17, 1
_IFNAME, _OPERSTATE, _LINKINFO, _AF_SPEC = 3, 16, 18, 26
_INFO_SLAVE_DATA, _BRPORT_STATE = 5, 1
_CONF, _ADDR_GEN_MODE = 2, 8  # IFLA_INET6_
_DISABLE_IPV6, _GEN_NONE = 26, b"\1"  # DEVCONF_DISABLE_IPV6; IN6_ADDR_GEN_MODE_NONE
_ROUTE_DST, _ROUTE_OIF = 1, 4
_LOCAL, _WHOLE = 2, 128  # RTN_LOCAL
_UP, _FORWARDING = 6, 3
_LINK_LOCAL = b"\xfe\x80"
_EVERY_LINK = struct.pack("=BxHiII", sockets.AF_UNSPEC, 0, 0, 0, 0)
_LOCAL_ROUTES = struct.pack("=BBBBBBBBI", sockets.AF_INET6, 0, 0, 0, LOCAL_TABLE, 0, 0, _LOCAL, 0)
DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is set up, as the kernel has it: whether it speaks IPv6, and makes itself a link-local address (``own``)."""

    name: str
    index: int
    ready: bool
    ipv6: bool
    own: bool


def wait_until_up(nodes: Sequence[Node], but: Collection[tuple[str, str]] = ()) -> None:
    """Until all ``nodes`` can send, receive and be asked for; raises MeasurementError when one cannot in `DEADLINE_S`.

    ``but`` are the (node, link) that nobody is at the other end of.
    """
    deadline = time.monotonic() + DEADLINE_S
    for node in nodes:
        _wait(node, deadline, partial(_not_ready, node, {link for name, link in but if name == node.name}), "not up")


def wait_until_cut(node: Node, link: str) -> None:
    """Until a link has no carrier, as its other end is down; raises MeasurementError when it keeps one for `DEADLINE_S`."""

    def carried() -> list[str]:
        with open_route_socket(node.namespace) as channel:
            return [one.name for one in _links(node, channel) if one.name == link and one.ready]

    _wait(node, time.monotonic() + DEADLINE_S, carried, "still up")


def _wait(node: Node, deadline: float, wrong: Callable[[], list[str]], what: str) -> None:
    """For one node, where something is ``wrong`` still, whose notifications are listened for only now.

    Every notification in the machine passes by every listener of every namespace, so that one at each node from the
    beginning would make a network's time quadratic.
    """
    if not wrong():
        return
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as watcher:
        watcher.bind((0, _RTMGRP_LINK | _RTMGRP_IPV6_ROUTE))
        while waiting := wrong():
            if not readable(watcher.fileno(), max(0.0, deadline - time.monotonic())):
                raise MeasurementError(Problem(f"{node.name}: {', '.join(waiting)} {what} after {DEADLINE_S:.0f} s"))
            _discard(watcher)


def _not_ready(node: Node, but: Collection[str]) -> list[str]:
    """The links that are not up, else the IPv6 addresses that are not yet the node's own, as asked for now."""
    with open_route_socket(node.namespace) as channel:
        links = [link for link in _links(node, channel) if link.name not in but]
        waiting = [link.name for link in links if not link.ready]
        speaking = [link for link in links if link.ipv6]
        if waiting or not speaking:
            return waiting
        held = {_own_address(data) for data in dump(channel, _GETROUTE, _LOCAL_ROUTES) if data[_LENGTH_AT] == _WHOLE}
    for link in speaking:
        port = node.ports.get(link.name)
        given = (*port.of_family(6), *filter(None, [port.link_local])) if port is not None else ()
        waiting += [one for one in given if (link.index, sockets.inet_pton(sockets.AF_INET6, one)) not in held]
        if link.own and not any(index == link.index and address[:2] == _LINK_LOCAL for index, address in held):
            waiting.append(f"the link-local address of {link.name}")
    return waiting


def _links(node: Node, channel: sockets.socket) -> list[Link]:
    return [link for data in dump(channel, _GETLINK, _EVERY_LINK) if (link := _link(data, node)) is not None]


def _discard(watcher: sockets.socket) -> None:
    """Read what waits: that something changed is enough, the state itself is asked for again."""
    while True:
        try:
            watcher.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: some changes were lost, and there were some
            return


def _link(data: bytes, node: Node) -> Link | None:
    """The link of an RTM_NEWLINK; None of one that is not waited for."""
    found = attributes(data, _LINK_ATTRIBUTES)
    name = found[_IFNAME][:-1].decode()
    index, flags = struct.unpack_from("=iI", data, _INDEX_AT)
    # a hidden node has no ports of a topology, and its bridge says of itself whatever it likes
    if name == "lo" or (name == BRIDGE and not node.ports) or not flags & _IFF_UP:
        return None
    info = attributes(found.get(_LINKINFO, b""))
    port = attributes(info.get(_INFO_SLAVE_DATA, b"")).get(_BRPORT_STATE)
    ready = found.get(_OPERSTATE) == bytes([_UP]) and (port is None or port[0] == _FORWARDING)
    ipv6 = attributes(attributes(found.get(_AF_SPEC, b"")).get(sockets.AF_INET6, b""))
    conf = ipv6.get(_CONF, b"")
    speaks = len(conf) >= 4 * (_DISABLE_IPV6 + 1) and not struct.unpack_from("=i", conf, 4 * _DISABLE_IPV6)[0]
    return Link(name, index, ready, speaks, speaks and ipv6.get(_ADDR_GEN_MODE) != _GEN_NONE)


def _own_address(data: bytes) -> tuple[int, bytes]:
    """Interface and address of a route of type local."""
    found = attributes(data, _ROUTE_ATTRIBUTES)
    return struct.unpack("=i", found.get(_ROUTE_OIF, bytes(4)))[0], found.get(_ROUTE_DST, b"")
