"""How many flows conntrack knows in a node, and of which kind: its zones and helpers, but no flow by itself.

Attributes are those of linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import socket as sockets
from collections import Counter
from collections.abc import Mapping

from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.namespace import Namespace
from lab.record.packet import PROTOCOL_NAMES

_GET = nl.NFNL_SUBSYS_CTNETLINK << 8 | 1
_ORIGINAL, _PROTO, _NUMBER, _HELP, _NAME, _ZONE = 1, 2, 1, 5, 1, 18


def tracked(namespace: Namespace) -> Mapping[str, int]:
    """How many entries the node has by what they have in common (``tcp``, ``udp in zone 3``, ``tcp with helper ftp``)."""
    with namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER) as channel:
        channel.settimeout(nl.KERNEL_DEADLINE_S)
        channel.bind((0, 0))
        channel.send(nl.message(_GET, nl.NLM_F_DUMP, sockets.AF_UNSPEC))
        return Counter(_told(nl.attributes(data, nl.HEADER)) for data in nl.receive_dump(channel))


def _told(entry: Mapping[int, bytes]) -> str:
    number = nl.attributes(nl.attributes(entry[_ORIGINAL])[_PROTO])[_NUMBER][0]
    zone = int.from_bytes(entry.get(_ZONE, b""), "big")
    helper = nl.attributes(entry.get(_HELP, b"")).get(_NAME, b"").rstrip(b"\0").decode(errors="replace")
    named = PROTOCOL_NAMES.get(number, f"protocol {number}")
    return named + (f" in zone {zone}" if zone else "") + (f" with helper {helper}" if helper else "")
