"""Connections that are set back to what their other end has heard, and closed without a word (TCP_REPAIR).

It is what checkpoints of processes are made with, and needs CAP_NET_ADMIN where the socket's namespace is owned alone
(tcp_can_repair_sock).  Numbers are those of linux/tcp.h; every kernel since 4.20 has all of them.
"""

from __future__ import annotations

import socket as sockets
import struct
from collections.abc import Callable
from typing import NamedTuple

_LEVEL = sockets.IPPROTO_TCP
_REPAIR, _QUEUE, _QUEUE_SEQ, _OPTIONS, _TIMESTAMP, _WINDOW = 19, 20, 21, 22, 24, 29
_NO_QUEUE, _RECEIVED, _SENT = 0, 1, 2
_ON, _OFF_SILENTLY = 1, -1  # TCP_REPAIR_OFF would probe the window, which is a segment
_NUMBER = struct.Struct("=I")
_INFO = struct.Struct("=5xBB")  # of struct tcp_info: the options that were agreed on, and both window scales
_TIMESTAMPS, _SACK, _SCALED = 1, 2, 4  # TCPI_OPT_
_MSS_OPTION, _WINDOW_OPTION, _SACK_OPTION, _TIMESTAMP_OPTION = 2, 3, 4, 8  # TCPOPT_ of net/tcp.h
_OPTION = struct.Struct("=II")
_WINDOWS = struct.Struct("=5I")  # struct tcp_repair_window


class Position(NamedTuple):
    """The sequence numbers that an end of a connection sends and expects next."""

    sends: int
    expects: int


def position(channel: sockets.socket) -> Position:
    """Where an end of a connection is."""
    reuse = channel.getsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR)  # which the kernel takes back with the repair
    channel.setsockopt(_LEVEL, _REPAIR, _ON)
    found = []
    for queue in (_SENT, _RECEIVED):
        channel.setsockopt(_LEVEL, _QUEUE, queue)
        found.append(_NUMBER.unpack(channel.getsockopt(_LEVEL, _QUEUE_SEQ, _NUMBER.size))[0])
    channel.setsockopt(_LEVEL, _QUEUE, _NO_QUEUE)
    channel.setsockopt(_LEVEL, _REPAIR, _OFF_SILENTLY)
    channel.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, reuse)
    return Position(*found)


def close_silently(channel: sockets.socket) -> None:
    """Close an end of a connection: it sends nothing now or later, and nothing of it lingers."""
    if channel.fileno() >= 0:
        channel.setsockopt(_LEVEL, _REPAIR, _ON)
        channel.close()


def set_back(channel: sockets.socket, sends: int, make: Callable[[], sockets.socket]) -> sockets.socket:
    """An established end in the place of ``channel``, with all that was agreed on, that sends ``sends`` next.

    What was sent beyond and not acknowledged is forgotten, a FIN too.  ``make`` gives a new socket of the same node; OSError.
    """
    own, peer = channel.getsockname(), channel.getpeername()
    agreed, scales = _INFO.unpack(channel.getsockopt(_LEVEL, sockets.TCP_INFO, _INFO.size))
    expects = position(channel).expects
    channel.setsockopt(_LEVEL, _REPAIR, _ON)
    largest = channel.getsockopt(_LEVEL, sockets.TCP_MAXSEG)
    clock = channel.getsockopt(_LEVEL, _TIMESTAMP)
    _, window, most, own_window, _ = _WINDOWS.unpack(channel.getsockopt(_LEVEL, _WINDOW, _WINDOWS.size))
    channel.close()
    again = make()
    try:
        again.setsockopt(_LEVEL, _REPAIR, _ON)  # from now on it may also be bound beside a socket that listens
        again.bind(own)
        for queue, number in ((_SENT, sends), (_RECEIVED, expects)):
            again.setsockopt(_LEVEL, _QUEUE, queue)
            again.setsockopt(_LEVEL, _QUEUE_SEQ, _NUMBER.pack(number))
        again.setsockopt(_LEVEL, _QUEUE, _NO_QUEUE)
        again.connect(peer)  # no segment is sent: it is established at once
        again.setsockopt(_LEVEL, _OPTIONS, b"".join(_options(agreed, scales, largest)))
        if agreed & _TIMESTAMPS:
            again.setsockopt(_LEVEL, _TIMESTAMP, _NUMBER.pack(clock & 0xFFFFFFFF))
        again.setsockopt(_LEVEL, _WINDOW, _WINDOWS.pack(expects, window, most, own_window, expects))
        again.setsockopt(_LEVEL, _REPAIR, _OFF_SILENTLY)
    except BaseException:
        again.close()
        raise
    return again


def _options(agreed: int, scales: int, largest: int) -> list[bytes]:
    theirs, ours = scales & 15, scales >> 4
    found = [(_MSS_OPTION, largest)]
    if agreed & _SCALED:
        found.append((_WINDOW_OPTION, theirs | ours << 16))
    if agreed & _SACK:
        found.append((_SACK_OPTION, 0))
    if agreed & _TIMESTAMPS:
        found.append((_TIMESTAMP_OPTION, 0))
    return [_OPTION.pack(*option) for option in found]
