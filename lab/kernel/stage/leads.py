"""Where a node's routes and rules lead, as its kernel says."""

from __future__ import annotations

import os
import socket as sockets
import struct

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.nfnetlink import NLMSG_ERROR, attribute, attributes, messages
from lab.kernel.ground.rtnetlink import header, open_route_socket, word
from lab.kernel.stage.node import Node
from lab.record.lead import Lead

_GETROUTE, _ROUTE_MESSAGE = 26, 12  # RTM_GETROUTE, sizeof(struct rtmsg)
_DST, _SRC, _OIF, _GATEWAY, _MARK = 1, 2, 4, 5, 16
_BITS = {4: 32, 6: 128}


def lead(node: Node, address: str, *, source: str | None = None, mark: int = 0) -> Lead:
    """How ``node`` would send a packet of its own to ``address``, from ``source`` and with ``mark`` if given (rtnetlink(7)).

    A source that is not the node's own is left out, as the kernel would refuse to say anything.
    """
    family = 6 if ":" in address else 4
    own = source if source is not None and source in node.addresses else None
    parts = [attribute(_DST, sockets.inet_pton(ADDRESS_FAMILIES[family], address))]
    if own is not None:
        parts.append(attribute(_SRC, sockets.inet_pton(ADDRESS_FAMILIES[family], own)))
    if mark:
        parts.append(word(_MARK, mark))
    bits = _BITS[family]
    body = struct.pack("=BBBBBBBBI", ADDRESS_FAMILIES[family], bits, bits if own else 0, 0, 0, 0, 0, 0, 0) + b"".join(parts)
    with open_route_socket(node.namespace) as channel:
        channel.send(header(_GETROUTE, 0, len(body)) + body)
        kind, data = next(messages(channel.recv(1 << 16)))
    if kind == NLMSG_ERROR:
        return Lead(node.name, address, refused=os.strerror(-struct.unpack_from("=16xi", data)[0]))
    return _read(node, address, attributes(data, 16 + _ROUTE_MESSAGE))


def _read(node: Node, address: str, found: dict[int, bytes]) -> Lead:
    gateway = found.get(_GATEWAY)
    via = None if gateway is None else sockets.inet_ntop(sockets.AF_INET if len(gateway) == 4 else sockets.AF_INET6, gateway)
    index = struct.unpack("=I", found[_OIF])[0] if _OIF in found else 0
    return Lead(node.name, address, node.port_name(index), via)
