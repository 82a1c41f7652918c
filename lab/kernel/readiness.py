"""Up means up: every link's operstate is UP and every bridge port forwards, as the kernel's notifications tell.

The state is asked for and read with struct, as a decoded dump takes longer than the links take to come up.  Numbers are those
of linux/rtnetlink.h and linux/if_link.h.
"""

from __future__ import annotations

import socket as sockets
import struct
import time
from collections.abc import Iterator, Sequence

from lab.errors import MeasurementError, Problem
from lab.kernel.nfnetlink import NLMSG_DONE, attributes, messages
from lab.kernel.node import Node
from lab.kernel.syscalls import readable
from lab.kernel.wiring import BRIDGE

_RTMGRP_LINK = 1
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_REQUEST_DUMP = 0x301
_ATTRIBUTES = 32  # struct nlmsghdr and struct ifinfomsg
_FLAGS_AT, _IFF_UP = 24, 1
_IFNAME, _OPERSTATE, _LINKINFO = 3, 16, 18
_INFO_SLAVE_DATA, _BRPORT_STATE = 5, 1
_UP, _FORWARDING = 6, 3
DEADLINE_S = 10.0


def wait_until_up(nodes: Sequence[Node]) -> None:
    """Until all links of ``nodes`` that are set up carry packets; raises MeasurementError when one does not in `DEADLINE_S`."""
    deadline = time.monotonic() + DEADLINE_S
    for node in nodes:
        if _not_ready(node):
            _wait(node, deadline)


def _wait(node: Node, deadline: float) -> None:
    """For the links of one node, whose notifications are listened for only now.

    Every notification in the machine passes by every listener of every namespace, so that one at each node from the
    beginning would make a network's time quadratic.
    """
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as watcher:
        watcher.bind((0, _RTMGRP_LINK))
        while waiting := _not_ready(node):
            if not readable(watcher.fileno(), max(0.0, deadline - time.monotonic())):
                raise MeasurementError(Problem(f"{node.name}: {', '.join(waiting)} not up after {DEADLINE_S:.0f} s"))
            _discard(watcher)


def _not_ready(node: Node) -> list[str]:
    """The names of links that are not up, as asked for now."""
    with node.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as channel:
        channel.send(struct.pack("=IHHIIBxHiII", _ATTRIBUTES, _RTM_GETLINK, _REQUEST_DUMP, 1, 0, 0, 0, 0, 0, 0))
        return [name for data in _dump(channel) if (name := _waits(data)) is not None]


def _discard(watcher: sockets.socket) -> None:
    """Read what waits: that something changed is enough, the state itself is asked for again."""
    while True:
        try:
            watcher.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: some changes were lost, and there were some
            return


def _dump(channel: sockets.socket) -> Iterator[bytes]:
    """The RTM_NEWLINK messages of a dump; the kernel answers before each call returns."""
    while True:
        for kind, data in messages(channel.recv(1 << 18)):
            if kind == NLMSG_DONE:
                return
            if kind == _RTM_NEWLINK:
                yield data


def _waits(data: bytes) -> str | None:
    """The name of a link that should be up and is not yet."""
    found = attributes(data, _ATTRIBUTES)
    name = found[_IFNAME][:-1].decode()
    info = attributes(found.get(_LINKINFO, b""))
    set_up = struct.unpack_from("=I", data, _FLAGS_AT)[0] & _IFF_UP
    if name in ("lo", BRIDGE) or not set_up:
        return None
    port = attributes(info.get(_INFO_SLAVE_DATA, b"")).get(_BRPORT_STATE)
    ready = found.get(_OPERSTATE) == bytes([_UP]) and (port is None or port[0] == _FORWARDING)
    return None if ready else name
