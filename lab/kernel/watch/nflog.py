"""What NFLOG tells in one node, packet by packet: what rules log, the steps of ip_tables, the lab's own marks between them.

ip_tables logs each rule that a traced packet matched through the logger of its family (kernel's nf_log_trace); with
``nfnetlink_log`` as that logger the steps come to group 0, in the order in which they were taken.  Numbers are those of
linux/netfilter/nfnetlink_log.h.
"""

from __future__ import annotations

import errno
import socket as sockets
import struct
from contextlib import suppress
from typing import NamedTuple

from lab.errors import MachineError, MeasurementError, Problem
from lab.kernel.ground import nfnetlink as nl
from lab.kernel.ground.batch_receive import BatchReceiver
from lab.kernel.ground.namespace import Namespace
from lab.kernel.watch.trace_table import LOG_GROUP
from lab.kernel.watch.tracer import Overrun, grow_buffer

_SUBSYSTEM = 4  # NFNL_SUBSYS_ULOG
_PACKET, _CONFIG = _SUBSYSTEM << 8 | 0, _SUBSYSTEM << 8 | 1
_CFG_CMD, _CFG_MODE, _CFG_NLBUFSIZ, _CFG_QTHRESH, _CFG_FLAGS = 1, 2, 3, 5, 6
_BIND, _UNBIND, _COPY_PACKET, _SEQ = 1, 2, 2, 1
_HEAD, _MARK, _INDEV, _OUTDEV, _PAYLOAD, _PREFIX, _SEQUENCE = 1, 2, 4, 5, 9, 10, 12
_COPIED = 112  # bytes of the packet: both headers, or those of an error and of what it quotes, and some of a payload
_ROOM = 1024  # bytes that the kernel sets aside for one message
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_AT = 2  # where struct nfulnl_msg_packet_hdr has the hook
_LOGGERS = ("net/netfilter/nf_log/2", "net/netfilter/nf_log/10")  # NFPROTO_IPV4, NFPROTO_IPV6


class Logged(NamedTuple):
    """One message: what it says (``TRACE: filter:FORWARD:rule:3``), and the packet as it was there."""

    prefix: bytes
    packet: bytes
    in_index: int
    out_index: int
    mark: int
    head: bytes = b""

    @property
    def hook(self) -> str:
        """Where the packet was; empty for what no hook of its address's family saw."""
        number = self.head[_AT] if len(self.head) > _AT else len(_HOOKS)
        return _HOOKS[number] if number < len(_HOOKS) else ""


class PacketLog:
    """One group of NFLOG in one node, from the moment this is made."""

    def __init__(self, namespace: Namespace, group: int = LOG_GROUP, *, of: str = "the trace of iptables-legacy") -> None:
        """``of`` is what the group tells, for messages."""
        self._group, self._of = group, of
        self._socket = namespace.socket(sockets.AF_NETLINK, sockets.SOCK_RAW, nl.NETLINK_NETFILTER)
        self.buffer_bytes = grow_buffer(self._socket)
        self._socket.bind((0, 0))
        self.bind()
        self._receiver = BatchReceiver(count=64, size=_ROOM)

    @property
    def descriptor(self) -> int:
        """Of the socket that it is told by."""
        return self._socket.fileno()

    def bind(self) -> None:
        """Take the group; MeasurementError where another process has it, as it tells one reader alone.

        MachineError where the kernel has nobody who tells (nfnetlink has no such subsystem).
        """
        try:
            self._configure(nl.attribute(_CFG_CMD, bytes([_BIND])))
        except OSError as error:
            if error.errno == errno.EINVAL:
                what = f"{self._of} cannot be read: this kernel has no nfnetlink_log"
                raise MachineError(Problem(what, mend="modprobe nfnetlink_log")) from error
            what = f"group {self._group} of NFLOG, which tells {self._of}, cannot be read: {error.strerror}"
            raise MeasurementError(Problem(what, mend="one process alone can read a group of a node at a time")) from error
        self._configure(
            nl.attribute(_CFG_MODE, struct.pack("!IBx", _COPIED, _COPY_PACKET)),
            nl.number(_CFG_NLBUFSIZ, _ROOM),
            nl.number(_CFG_QTHRESH, 1),
            nl.attribute(_CFG_FLAGS, struct.pack("!H", _SEQ)),
        )
        self._next: int | None = None

    def unbind(self) -> None:
        """Let the group go, and what it told."""
        with suppress(OSError):  # what it told before stands in front of the kernel's answer, or found no room
            self._configure(nl.attribute(_CFG_CMD, bytes([_UNBIND])))
        with suppress(Overrun):
            self.read()

    def _configure(self, *settings: bytes) -> None:
        self._socket.send(nl.message(_CONFIG, nl.NLM_F_ACK, 0, b"".join(settings), resource=self._group))
        for kind, data in nl.messages(self._socket.recv(1 << 16)):
            if kind == nl.NLMSG_ERROR:
                nl.raise_for_error(data)

    def read(self) -> list[Logged]:
        """All messages that wait, in order; raises tracer.Overrun when some were lost."""
        found: list[Logged] = []
        while True:
            try:
                waiting = self._receiver.receive(self._socket.fileno())
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                while self._receiver.receive(self._socket.fileno()):
                    pass
                self._next = None
                raise Overrun from error
            for data in waiting:
                found += self._messages(data)
            if len(waiting) < self._receiver.count:
                return found

    def _messages(self, data: bytes) -> list[Logged]:
        found = []
        for kind, message in nl.messages(data):
            if kind != _PACKET:
                continue
            parts = nl.attributes(message, nl.HEADER)
            number = int.from_bytes(parts[_SEQUENCE], "big")
            if self._next is not None and number != self._next:
                self._next = number + 1 & 0xFFFFFFFF
                raise Overrun
            self._next = number + 1 & 0xFFFFFFFF
            into = int.from_bytes(parts.get(_INDEV, b""), "big")
            out = int.from_bytes(parts.get(_OUTDEV, b""), "big")
            mark = int.from_bytes(parts.get(_MARK, b""), "big")
            prefix = parts.get(_PREFIX, b"")[:-1]
            found.append(Logged(prefix, parts.get(_PAYLOAD, b""), into, out, mark, parts.get(_HEAD, b"")))
        return found

    def close(self) -> None:
        """Let go of the group."""
        self._socket.close()


def choose_logger(namespace: Namespace) -> None:
    """Have ip_tables log the steps of traced packets by NFLOG, in group 0."""
    for key in _LOGGERS:
        try:
            with namespace, open(f"/proc/sys/{key}", "w") as file:
                file.write("nfnetlink_log")
        except OSError as error:
            what = f"iptables-legacy cannot be traced here: nfnetlink_log is no logger of {key} ({error.strerror})"
            raise MachineError(Problem(what, mend="modprobe nfnetlink_log   (or use --backend nft)")) from error
