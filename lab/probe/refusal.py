"""Why a probe's sender was refused: the error queue of its socket (IP_RECVERR, ip(7); IPV6_RECVERR, ipv6(7))."""

from __future__ import annotations

import socket as sockets
import struct

from lab.record.observation import Refusal
from lab.written import reject

RECEIVE_ERRORS = {4: (sockets.IPPROTO_IP, 11), 6: (sockets.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR
_ORIGINS = {(sockets.IPPROTO_IP, 11): 2, (sockets.IPPROTO_IPV6, 25): 3}  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
RESET = Refusal(reject.RESET, None)


def read_error_queue(channel: sockets.socket) -> Refusal | None:
    """The last ICMP error in the queue of ``channel``: its kind and who sent it; None when the queue is empty."""
    found = None
    while True:
        try:
            _, ancillary, _, _ = channel.recvmsg(0, 512, sockets.MSG_ERRQUEUE)
        except BlockingIOError:
            return found
        for level, kind, data in ancillary:
            if (level, kind) in _ORIGINS:
                _, origin, icmp_type, code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
                if origin == _ORIGINS[level, kind]:
                    found = _refusal(level, (icmp_type, code), data[_EXTENDED_ERROR.size :])


def refusal_of(family: int, icmp_type: int, code: int, sender: str) -> Refusal:
    """What an ICMP error of this type and code says."""
    protocol = "icmp" if family == 4 else "icmpv6"
    return Refusal(reject.kind_of_icmp(family, icmp_type, code) or f"{protocol} {icmp_type}/{code}", sender)


def _refusal(level: int, told: tuple[int, int], offender: bytes) -> Refusal:
    """Who sent which error: ``offender`` is a struct sockaddr_in or sockaddr_in6."""
    if level == sockets.IPPROTO_IP:
        return refusal_of(4, *told, sockets.inet_ntoa(offender[4:8]))
    return refusal_of(6, *told, sockets.inet_ntop(sockets.AF_INET6, offender[8:24]))
