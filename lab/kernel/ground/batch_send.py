"""Many packets with one system call: sendmmsg(2), which Python does not have."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from lab.kernel.ground.buffers import MMSGHDR, address_of

_MSG_DONTWAIT = 0x40
_IOV, _IOV_COUNT = 16, 24
_NO_ROOM = (errno.EAGAIN, errno.ENOBUFS)
# what the sender's own rules and routes may refuse one packet with, and not the next one
_OF_ONE_PACKET = (errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)

_sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg


class BatchSender:
    """Sends the packets of ``size`` bytes that stand one behind the other in ``buffer``, on connected or bound sockets."""

    def __init__(self, buffer: bytearray, size: int) -> None:
        self._buffer = buffer
        count = len(buffer) // size
        start = address_of(buffer)
        self._vectors = bytearray(b"".join(struct.pack("=QQ", start + number * size, size) for number in range(count)))
        header = struct.Struct(f"={_IOV}xQQ{MMSGHDR - _IOV_COUNT - 8}x")
        vectors = address_of(self._vectors)
        self._headers = bytearray(b"".join(header.pack(vectors + number * 16, 1) for number in range(count)))
        self._pointer = address_of(self._headers)

    def send(self, descriptor: int, first: int, last: int) -> int:
        """Send from packet ``first`` up to before ``last`` on a socket; the number of the one to go on with.

        That is less than ``last`` when the socket has no room; a packet that the sender's own kernel refuses is passed over.
        Raises OSError.
        """
        while first < last:
            headers = ctypes.c_void_p(self._pointer + first * MMSGHDR)
            sent = _sendmmsg(descriptor, headers, last - first, _MSG_DONTWAIT)
            if sent >= 0:
                first += sent
                continue
            number = ctypes.get_errno()
            if number in _NO_ROOM:
                return first
            if number not in _OF_ONE_PACKET:
                raise OSError(number, os.strerror(number))
            first += 1
        return first
