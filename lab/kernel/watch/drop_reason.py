"""Why the kernel dropped a packet outside any rule: the reasons of the tracepoint skb:kfree_skb, for root.

Read through perf_event_open(2) for the calling thread alone, so that nothing is switched on for the machine.  To open and to
close it waits for a grace period of RCU each, some 10 ms, more on a busy machine: so it is opened once, and paused between.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import re
import struct
import threading

from lab.kernel.ground.tracefs import tracepoint

_EVENT = "skb/kfree_skb"
_SYSCALL = {"x86_64": 298, "aarch64": 241}
_TYPE_TRACEPOINT, _SAMPLE_RAW, _RECORD_SAMPLE = 2, 1 << 10, 9
_FLAG_CLOEXEC = 8
_ENABLE, _DISABLE = 0x2400, 0x2401  # PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE (linux/perf_event.h)
_PAGES = 8
_HEAD, _TAIL = 1024, 1032  # data_head and data_tail in struct perf_event_mmap_page
# OTHERHOST is what bystanders say of a frame that a bridge floods: it was never for them; QUEUE_PURGE is said of what a socket
# still holds unread when it closes, long after it came
_ORDINARY = ("NOT_SPECIFIED", "CONSUMED", "NETFILTER_DROP", "SOCKET_FILTER", "UNHANDLED_PROTO", "OTHERHOST", "QUEUE_PURGE")


class DropReasons:
    """Collects the kernel's reasons from the moment it is made; `open` gives None where the kernel does not tell.

    ``thread`` is the one whose packets it sees.
    """

    def __init__(self, descriptor: int, offset: int, names: dict[int, str]) -> None:
        self._descriptor, self._offset, self._names = descriptor, offset, names
        self._size = _PAGES * mmap.PAGESIZE
        self.thread = threading.get_native_id()
        self._ring = mmap.mmap(descriptor, mmap.PAGESIZE + self._size)

    @classmethod
    def open(cls) -> DropReasons | None:
        """Start collecting, if this kernel has reasons (Linux 5.17) and this process may read them."""
        number = _SYSCALL.get(platform.machine())
        event = tracepoint(_EVENT)
        if number is None or event is None:
            return None
        field = re.search(r"reason;\s*offset:(\d+);", event.format)
        if field is None:
            return None
        names = {int(value, 0): name for value, name in re.findall(r"\{ (\w+), \"(\w+)\" \}", event.format)}
        attributes = bytearray(128)
        struct.pack_into("=IIQQQ", attributes, 0, _TYPE_TRACEPOINT, 128, event.number, 1, _SAMPLE_RAW)
        buffer = (ctypes.c_char * 128).from_buffer(attributes)
        descriptor = ctypes.CDLL(None, use_errno=True).syscall(number, buffer, 0, -1, -1, _FLAG_CLOEXEC)
        return cls(descriptor, int(field[1]), names) if descriptor >= 0 else None

    def read(self) -> tuple[str, ...]:
        """The reasons since the last call, without those of ordinary ends, each once."""
        head, tail = (struct.unpack_from("=Q", self._ring, at)[0] for at in (_HEAD, _TAIL))
        found: dict[str, None] = {}
        while tail < head:
            kind, _, size = struct.unpack("=IHH", self._bytes(tail, 8))
            if kind == _RECORD_SAMPLE:
                raw = self._bytes(tail + 12, size - 12)
                value = struct.unpack_from("=I", raw, self._offset)[0]
                name = self._names.get(value, str(value))
                if name not in _ORDINARY:
                    found[name] = None
            tail += size
        struct.pack_into("=Q", self._ring, _TAIL, tail)
        return tuple(found)

    def _bytes(self, start: int, length: int) -> bytes:
        begin = start % self._size
        first = self._ring[mmap.PAGESIZE + begin : mmap.PAGESIZE + min(begin + length, self._size)]
        return first + self._ring[mmap.PAGESIZE : mmap.PAGESIZE + length - len(first)]

    def resume(self) -> None:
        """Collect again, from now on."""
        struct.pack_into("=Q", self._ring, _TAIL, struct.unpack_from("=Q", self._ring, _HEAD)[0])
        fcntl.ioctl(self._descriptor, _ENABLE)

    def pause(self) -> None:
        """Collect nothing until it is resumed."""
        fcntl.ioctl(self._descriptor, _DISABLE)

    def close(self) -> None:
        """Stop collecting."""
        self._ring.close()
        os.close(self._descriptor)
