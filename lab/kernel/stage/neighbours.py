"""Neighbour entries: permanent ones, many at once, as every host of a network needs one for every other; and unanswered ones.

A network of a thousand hosts has a million of them, so what they have in common is packed once; numbers are those of
linux/neighbour.h.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Sequence

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.namespace import Namespace
from lab.kernel.ground.nfnetlink import (
    KERNEL_DEADLINE_S,
    NLM_F_ACK,
    NLM_F_CREATE,
    attribute,
    attributes,
    messages,
    raise_for_error,
)
from lab.kernel.ground.rtnetlink import NLM_F_REPLACE, dump, header, open_route_socket

_NEWNEIGH, _DELNEIGH, _GETNEIGH = 28, 29, 30
_FLAGS = NLM_F_CREATE | NLM_F_REPLACE
_PERMANENT = 0x80
_UNRESOLVED = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
_NEIGHBOUR = struct.Struct("=BBHiHBB")  # struct ndmsg
_HEADER = 16  # struct nlmsghdr
_LOOPBACK_INDEX = 1
_DST, _LLADDR = 1, 2
_PART = 1000  # entries of 48 bytes; what is sent at once must fit into the socket's buffer


def entry(address: str, mac: bytes) -> bytes:
    """An IPv4 address and its MAC, for `add_permanent`."""
    return attribute(_DST, sockets.inet_aton(address)) + attribute(_LLADDR, mac)


def add_permanent(namespace: Namespace, index: int, entries: Sequence[bytes]) -> None:
    """Write the ``entries`` of one interface; raises OSError when the kernel refuses one."""
    if not entries:
        return
    neighbour = _NEIGHBOUR.pack(sockets.AF_INET, 0, 0, index, _PERMANENT, 0, 0)
    length = len(neighbour) + len(entries[0])
    head, last = (header(_NEWNEIGH, flags, length) + neighbour for flags in (_FLAGS, _FLAGS | NLM_F_ACK))
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, sockets.NETLINK_ROUTE) as channel:
        channel.settimeout(KERNEL_DEADLINE_S)
        for start in range(0, len(entries), _PART):
            *part, end = entries[start : start + _PART]
            channel.send(b"".join(head + one for one in part) + last + end)
            for _, data in messages(channel.recv(1 << 16)):
                raise_for_error(data)


def remove(namespace: Namespace, index: int, addresses: Sequence[str]) -> None:
    """Delete the IPv4 entries of one interface; raises OSError when the kernel refuses."""
    with open_route_socket(namespace) as channel:
        for address in addresses:
            _delete(channel, sockets.AF_INET, index, sockets.inet_aton(address))


def forget_unresolved(namespace: Namespace, families: Sequence[int]) -> list[tuple[int, str]]:
    """(interface's index, address) of neighbours of the ``families`` that were asked for and did not answer; they are deleted.

    The kernel looks for them among the neighbours of the whole machine, one after the other: 1 ms for some 30,000.
    """
    found = []
    with open_route_socket(namespace) as channel:
        for version in families:
            family = ADDRESS_FAMILIES[version]
            for data in dump(channel, _GETNEIGH, _NEIGHBOUR.pack(family, 0, 0, 0, 0, 0, 0)):
                _, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(data, _HEADER)
                address = attributes(data, _HEADER + _NEIGHBOUR.size).get(_DST)
                if state & _UNRESOLVED and index != _LOOPBACK_INDEX and address is not None:
                    _delete(channel, family, index, address)
                    found.append((index, sockets.inet_ntop(family, address)))
    return found


def _delete(channel: sockets.socket, family: int, index: int, address: bytes) -> None:
    body = _NEIGHBOUR.pack(family, 0, 0, index, 0, 0, 0) + attribute(_DST, address)
    channel.send(header(_DELNEIGH, NLM_F_ACK, len(body)) + body)
    for _, data in messages(channel.recv(1 << 16)):
        try:
            raise_for_error(data)
        except FileNotFoundError:  # the kernel gave it up by itself
            return
