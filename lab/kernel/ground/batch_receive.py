"""Many datagrams with one system call: recvmmsg(2), which Python does not have."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from typing import NamedTuple

from lab.kernel.ground.buffers import MMSGHDR, address_of

_MSG_DONTWAIT = 0x40
_EAGAIN = 11
_MSG_LEN, _IOV, _IOV_COUNT, _CONTROL, _CONTROL_LEN = 56, 16, 24, 32, 40
_NAME = 28  # sizeof(struct sockaddr_in6)

_recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg


class Received(NamedTuple):
    """What one datagram says, the address it came from (struct sockaddr_in6) and what the kernel says of it (cmsg(3))."""

    data: bytes
    name: bytes
    control: bytes


class BatchReceiver:
    """Receives up to ``count`` datagrams of at most ``size`` bytes at once; a longer one would be cut off.

    ``control`` is how many bytes of ancillary data there may be with each; only `receive_with` gives them.
    """

    def __init__(self, descriptor: int, count: int, size: int, control: int = 0) -> None:
        self._descriptor, self.count, self.size, self._control = descriptor, count, size, control
        self._space = bytearray(count * size)
        self._vectors = bytearray(count * 16)
        self._about = bytearray(count * (_NAME + control))
        self._headers = bytearray(count * MMSGHDR)
        self._lengths = struct.Struct(f"={_MSG_LEN}xI{MMSGHDR - _MSG_LEN - 4}x")
        space, vectors, about = address_of(self._space), address_of(self._vectors), address_of(self._about)
        for number in range(count):
            header = number * MMSGHDR
            struct.pack_into("=QQ", self._vectors, number * 16, space + number * size, size)
            struct.pack_into("=QQ", self._headers, header + _IOV, vectors + number * 16, 1)
            if control:
                name = about + number * (_NAME + control)
                struct.pack_into("=QI", self._headers, header, name, _NAME)
                struct.pack_into("=QQ", self._headers, header + _CONTROL, name + _NAME, control)
        self._fresh = bytes(self._headers)
        self._pointer = ctypes.c_void_p(address_of(self._headers))

    def receive(self) -> list[bytes]:
        """The datagrams that wait, `count` at most; fewer mean that no more wait.  Raises OSError (ENOBUFS)."""
        size, space = self.size, self._space
        headers = memoryview(self._headers)[: self._received() * MMSGHDR]
        return [
            bytes(space[number * size : number * size + length])
            for number, (length,) in enumerate(self._lengths.iter_unpack(headers))
        ]

    def receive_with(self) -> list[Received]:
        """The same with what is known of each datagram."""
        self._headers[:] = self._fresh  # the kernel wrote the lengths of the last ones
        each, found = _NAME + self._control, []
        for number, data in enumerate(self.receive()):
            about, header = number * each, number * MMSGHDR
            length = int.from_bytes(self._headers[header + _CONTROL_LEN : header + _CONTROL_LEN + 8], sys.byteorder)
            start = about + _NAME
            found.append(Received(data, bytes(self._about[about:start]), bytes(self._about[start : start + length])))
        return found

    def _received(self) -> int:
        found = int(_recvmmsg(self._descriptor, self._pointer, self.count, _MSG_DONTWAIT, None))
        if found < 0:
            number = ctypes.get_errno()
            if number == _EAGAIN:
                return 0
            raise OSError(number, os.strerror(number))
        return found
