"""Permanent neighbour entries, many at once: every host of a network needs one for every other.

A network of a thousand hosts has a million of them, so what they have in common is packed once; numbers are those of
linux/neighbour.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Sequence

from lab.kernel.namespace import Namespace
from lab.kernel.nfnetlink import KERNEL_DEADLINE_S, NLM_F_ACK, NLM_F_CREATE, attribute, messages, raise_for_error
from lab.kernel.rtnetlink import NLM_F_REPLACE, header

_NEWNEIGH = 28
_FLAGS = NLM_F_CREATE | NLM_F_REPLACE
_PERMANENT = 0x80
_DST, _LLADDR = 1, 2
_PART = 1000  # entries of 48 bytes; what is sent at once must fit into the socket's buffer


def entry(address: str, mac: bytes) -> bytes:
    """An IPv4 address and its MAC, for `add_permanent`."""
    return attribute(_DST, sockets.inet_aton(address)) + attribute(_LLADDR, mac)


def add_permanent(namespace: Namespace, index: int, entries: Sequence[bytes]) -> None:
    """Write the ``entries`` of one interface; raises OSError when the kernel refuses one."""
    if not entries:
        return
    neighbour = struct.pack("=BBHiHBB", sockets.AF_INET, 0, 0, index, _PERMANENT, 0, 0)
    length = len(neighbour) + len(entries[0])
    head, last = (header(_NEWNEIGH, flags, length) + neighbour for flags in (_FLAGS, _FLAGS | NLM_F_ACK))
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as channel:
        channel.settimeout(KERNEL_DEADLINE_S)
        for start in range(0, len(entries), _PART):
            *part, end = entries[start : start + _PART]
            channel.send(b"".join(head + one for one in part) + last + end)
            for _, data in messages(channel.recv(1 << 16)):
                raise_for_error(data)
