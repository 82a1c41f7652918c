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
_MSG_LEN, _CONTROL_LEN = 56, 40
_NAME = 28  # sizeof(struct sockaddr_in6)

_recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg


class Received(NamedTuple):
    """What one datagram says, the address it came from (struct sockaddr_in6) and what the kernel says of it (cmsg(3))."""

    data: bytes
    name: bytes
    control: bytes


class BatchReceiver:
    """Receives up to ``count`` datagrams of at most ``size`` bytes at once, of any socket; a longer one would be cut off.

    ``control`` is how many bytes of ancillary data there may be with each; only `receive_with` gives them.
    """

    def __init__(self, count: int, size: int, control: int = 0) -> None:
        self.count, self.size, self._control = count, size, control
        self._space = bytearray(count * size)
        self._about = bytearray(count * (_NAME + control))
        self._lengths = struct.Struct(f"={_MSG_LEN}xI{MMSGHDR - _MSG_LEN - 4}x")
        space, about, each = address_of(self._space), address_of(self._about), _NAME + control
        vector, header = struct.Struct("=QQ"), struct.Struct(f"=QI4xQQQQ{MMSGHDR - _CONTROL_LEN - 8}x")
        self._vectors = bytearray(b"".join(vector.pack(space + number * size, size) for number in range(count)))
        vectors = address_of(self._vectors)
        names = [(about + number * each, _NAME, control) if control else (0, 0, 0) for number in range(count)]
        self._fresh = b"".join(
            header.pack(name, length, vectors + number * vector.size, 1, name and name + _NAME, room)
            for number, (name, length, room) in enumerate(names)
        )
        self._headers = bytearray(self._fresh)
        self._pointer = ctypes.c_void_p(address_of(self._headers))

    def receive(self, descriptor: int) -> list[bytes]:
        """The datagrams that wait, `count` at most; fewer mean that no more wait.  Raises OSError (ENOBUFS)."""
        size, space = self.size, self._space
        headers = memoryview(self._headers)[: self._received(descriptor) * MMSGHDR]
        return [
            bytes(space[number * size : number * size + length])
            for number, (length,) in enumerate(self._lengths.iter_unpack(headers))
        ]

    def receive_with(self, descriptor: int) -> list[Received]:
        """The same with what is known of each datagram."""
        self._headers[:] = self._fresh  # the kernel wrote the lengths of the last ones
        each, found = _NAME + self._control, []
        for number, data in enumerate(self.receive(descriptor)):
            about, header = number * each, number * MMSGHDR
            length = int.from_bytes(self._headers[header + _CONTROL_LEN : header + _CONTROL_LEN + 8], sys.byteorder)
            start = about + _NAME
            found.append(Received(data, bytes(self._about[about:start]), bytes(self._about[start : start + length])))
        return found

    def _received(self, descriptor: int) -> int:
        found = int(_recvmmsg(descriptor, self._pointer, self.count, _MSG_DONTWAIT, None))
        if found < 0:
            number = ctypes.get_errno()
            if number == _EAGAIN:
                return 0
            raise OSError(number, os.strerror(number))
        return found
