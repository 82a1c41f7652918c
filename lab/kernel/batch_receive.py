"""Many datagrams with one system call: recvmmsg(2), which Python does not have."""

from __future__ import annotations

import ctypes
import os
import struct

_MSG_DONTWAIT = 0x40
_EAGAIN = 11
_MMSGHDR = 64  # sizeof(struct mmsghdr) on 64-bit Linux: struct msghdr (56), msg_len, padding
_MSG_LEN, _IOV, _IOV_COUNT = 56, 16, 24

_recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg


class BatchReceiver:
    """Receives up to ``count`` datagrams of at most ``size`` bytes at once; a longer one would be cut off."""

    def __init__(self, descriptor: int, count: int, size: int) -> None:
        self._descriptor, self.count, self.size = descriptor, count, size
        self._space = bytearray(count * size)
        self._vectors = bytearray(count * 16)
        self._headers = bytearray(count * _MMSGHDR)
        self._lengths = struct.Struct(f"={_MSG_LEN}xI{_MMSGHDR - _MSG_LEN - 4}x")
        space, vectors = _address(self._space), _address(self._vectors)
        for number in range(count):
            struct.pack_into("=QQ", self._vectors, number * 16, space + number * size, size)
            struct.pack_into("=Q", self._headers, number * _MMSGHDR + _IOV, vectors + number * 16)
            struct.pack_into("=Q", self._headers, number * _MMSGHDR + _IOV_COUNT, 1)
        self._pointer = ctypes.c_void_p(_address(self._headers))

    def receive(self) -> list[bytes]:
        """The datagrams that wait, `count` at most; fewer mean that no more wait.  Raises OSError (ENOBUFS)."""
        found = _recvmmsg(self._descriptor, self._pointer, self.count, _MSG_DONTWAIT, None)
        if found < 0:
            number = ctypes.get_errno()
            if number == _EAGAIN:
                return []
            raise OSError(number, os.strerror(number))
        size, space = self.size, self._space
        headers = memoryview(self._headers)[: found * _MMSGHDR]
        return [
            bytes(space[number * size : number * size + length])
            for number, (length,) in enumerate(self._lengths.iter_unpack(headers))
        ]


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
