"""Which of its addresses a node sends from: what its kernel chooses where no socket was bound."""

from __future__ import annotations

import socket as sockets
from contextlib import nullcontext
from ipaddress import ip_address

from lab.kernel.ground.families import ADDRESS_FAMILIES
from lab.kernel.ground.user import files_of, set_mark
from lab.kernel.stage.node import Node

_DISCARD = 9  # a port that nothing is sent to: to connect a datagram socket sends nothing (udp(7))


def chosen_source(node: Node, destination: str, mark: int = 0, uid: int | None = None) -> str | None:
    """The source that the node's routes, rules and address selection give to ``destination``; None where it has no way there.

    ``mark`` and ``uid`` are the socket's, which rules of routing may ask for (`fwmark`, `uidrange`).

    Connecting a datagram socket looks the route up as sending would (ip_route_connect, ip6_dst_lookup_flow).
    """
    family = ADDRESS_FAMILIES[6 if ":" in destination else 4]
    with files_of(uid) if uid is not None else nullcontext():
        channel = node.socket(family, sockets.SOCK_DGRAM)
    with channel:
        if mark:
            set_mark(channel, mark)
        channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_BROADCAST, 1)
        try:
            channel.connect((destination, _DISCARD))
        except OSError:
            return None
        source = str(channel.getsockname()[0]).partition("%")[0]
    # of a node without another address; nothing that is sent from it comes farther than the link
    stays = ip_address(source).is_link_local and not ip_address(destination.partition("%")[0]).is_link_local
    return None if stays else source
