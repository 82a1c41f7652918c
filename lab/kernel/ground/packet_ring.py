"""What crosses the interfaces of a namespace, written by the kernel into memory that is shared with it (packet(7)).

A ring costs whoever sends nothing but the copy: no system call reads it, and no limit on a socket's buffer counts it, so that
who is not root has as much room as root.  Numbers and layouts are those of linux/if_packet.h, version 2, and linux/filter.h.
"""

from __future__ import annotations

import mmap
import socket as sockets
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lab.kernel.ground.buffers import address_of
from lab.kernel.ground.namespace import Namespace

OUTGOING, TO_HOST = 4, 0  # kinds of a frame (PACKET_OUTGOING, PACKET_HOST)
FRAME_BYTES = 256  # the kernel's header of a frame among them: about 190 bytes of each frame are kept
_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION, _V2 = 263, 5, 6, 10, 1
_ETH_P_ALL, _ATTACH_FILTER = 0x0003, 26
_BLOCK = 1 << 16
_HEADER = struct.Struct("=IIIHHII")  # of struct tpacket2_hdr, up to the time
_KIND_AT = 42  # in struct sockaddr_ll, which follows it
_INSTRUCTION = struct.Struct("=HBBI")


class Caught(NamedTuple):
    """A frame from its link header on, when it crossed (nanoseconds of the machine's clock), and which way."""

    ns: int
    kind: int
    data: bytes


class PacketRing:
    """Catches what ``program`` takes at every interface of ``namespace``, from now until `close`; ``frames`` find room at once.

    ``program`` is one of the classic packet filter.  Raises OSError.
    """

    def __init__(self, namespace: Namespace, program: Sequence[tuple[int, int, int, int]], frames: int) -> None:
        self._channel = namespace.socket(sockets.AF_PACKET, sockets.SOCK_RAW, sockets.htons(_ETH_P_ALL))
        try:
            _attach(self._channel, program)
            self._channel.setsockopt(_SOL_PACKET, _VERSION, _V2)
            blocks = -(-frames * FRAME_BYTES // _BLOCK)
            self.frames = blocks * _BLOCK // FRAME_BYTES
            request = struct.pack("=IIII", _BLOCK, blocks, FRAME_BYTES, self.frames)
            self._channel.setsockopt(_SOL_PACKET, _RX_RING, request)
            self._memory = mmap.mmap(self._channel.fileno(), blocks * _BLOCK)
        except BaseException:
            self._channel.close()
            raise
        self._next = 0
        self._kept: list[bytes] = []
        self._lost = 0

    def drain(self) -> None:
        """Copy what waits, and give the kernel its room back."""
        while True:
            start, end = self._next * FRAME_BYTES, self.frames * FRAME_BYTES
            filled = self._memory[start:end:FRAME_BYTES].find(b"\0")
            if filled == 0:
                return
            end = end if filled < 0 else start + filled * FRAME_BYTES
            self._kept.append(self._memory[start:end])
            nothing = bytes((end - start) // FRAME_BYTES)
            for byte in (3, 2, 1, 0):  # the kernel takes a frame back once all of its status is 0
                self._memory[start + byte : end : FRAME_BYTES] = nothing
            self._next = 0 if filled < 0 else self._next + filled
            if filled > 0:
                return

    def caught(self) -> Iterator[Caught]:
        """The frames since the last call, in the order in which they crossed."""
        self.drain()
        kept, self._kept = self._kept, []
        for chunk in kept:
            for start in range(0, len(chunk), FRAME_BYTES):
                _, _, length, at, _, seconds, nanoseconds = _HEADER.unpack_from(chunk, start)
                data = chunk[start + at : start + at + length]
                yield Caught(seconds * 1_000_000_000 + nanoseconds, chunk[start + _KIND_AT], data)

    def lost(self) -> int:
        """How many frames found no room so far (PACKET_STATISTICS)."""
        told = self._channel.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        self._lost += struct.unpack("=II", told)[1]
        return self._lost

    def close(self) -> None:
        """Catch no more."""
        self._memory.close()
        self._channel.close()


def _attach(channel: sockets.socket, program: Sequence[tuple[int, int, int, int]]) -> None:
    code = bytearray(b"".join(_INSTRUCTION.pack(*one) for one in program))
    channel.setsockopt(sockets.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(program), address_of(code)))
