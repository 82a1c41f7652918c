"""Why a probe's sender was refused: the error queue of its socket (IP_RECVERR, ip(7))."""

from __future__ import annotations

import socket as sockets
import struct

from lab.record.observation import Refusal

IP_RECVERR = 11
_ORIGIN_ICMP = 2
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
# what ip_tables' REJECT calls them (iptables-extensions(8))
_KINDS = {
    (3, 0): "icmp-net-unreachable",
    (3, 1): "icmp-host-unreachable",
    (3, 2): "icmp-proto-unreachable",
    (3, 3): "icmp-port-unreachable",
    (3, 9): "icmp-net-prohibited",
    (3, 10): "icmp-host-prohibited",
    (3, 13): "icmp-admin-prohibited",
}
RESET = Refusal("tcp-reset", None)


def read_error_queue(channel: sockets.socket) -> Refusal | None:
    """The last ICMP error in the queue of ``channel``: its kind and who sent it; None when the queue is empty."""
    found = None
    while True:
        try:
            _, ancillary, _, _ = channel.recvmsg(0, 512, sockets.MSG_ERRQUEUE)
        except BlockingIOError:
            return found
        for level, kind, data in ancillary:
            if level == sockets.IPPROTO_IP and kind == IP_RECVERR:
                _, origin, icmp_type, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
                if origin == _ORIGIN_ICMP:
                    # the offender's struct sockaddr_in follows the error
                    sender = sockets.inet_ntoa(data[_EXTENDED_ERROR.size + 4 : _EXTENDED_ERROR.size + 8])
                    found = Refusal(_KINDS.get((icmp_type, code), f"icmp {icmp_type}/{code}"), sender)
