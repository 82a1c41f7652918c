"""Permanent neighbour entries, many at once: every host of a network needs one for every other.

Packed by hand, as a network of a hundred hosts has 9,900 of them; numbers are those of linux/neighbour.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Iterable

from lab.kernel.namespace import Namespace
from lab.kernel.nfnetlink import KERNEL_DEADLINE_S, attribute, messages, raise_for_error

_RTM_NEWNEIGH = 28
_FLAGS = 0x1 | 0x100 | 0x400  # request, replace, create
_ACK = 0x4
_PERMANENT = 0x80
_DST, _LLADDR = 1, 2


def add_permanent(namespace: Namespace, entries: Iterable[tuple[int, str, bytes]]) -> None:
    """Write (interface index, IPv4 address, MAC) entries; raises OSError when the kernel refuses one."""
    packed = [_entry(index, address, mac) for index, address, mac in entries]
    if not packed:
        return
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as channel:
        channel.settimeout(KERNEL_DEADLINE_S)
        for start in range(0, len(packed), 200):
            part = [bytearray(message) for message in packed[start : start + 200]]
            struct.pack_into("=H", part[-1], 6, _FLAGS | _ACK)
            channel.send(b"".join(part))
            for _, data in messages(channel.recv(1 << 16)):
                raise_for_error(data)


def _entry(index: int, address: str, mac: bytes) -> bytes:
    head = struct.pack("=BBHiHBB", sockets.AF_INET, 0, 0, index, _PERMANENT, 0, 0)
    body = head + attribute(_DST, sockets.inet_aton(address)) + attribute(_LLADDR, mac)
    return struct.pack("=IHHII", 16 + len(body), _RTM_NEWNEIGH, _FLAGS, 0, 0) + body
