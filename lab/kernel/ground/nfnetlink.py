"""Netlink messages of netfilter's subsystems, packed and read with struct.

pyroute2 decodes a trace message some twenty times slower than this does, and tracing is the one hot path of the lab.
Numbers are those of linux/netfilter/nfnetlink.h and linux/netlink.h.
"""

from __future__ import annotations

import os
import socket as sockets
import struct
from collections.abc import Iterator

NETLINK_NETFILTER = 12
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_CREATE, NLM_F_APPEND = 0x1, 0x4, 0x300, 0x400, 0x800
NLMSG_ERROR, NLMSG_DONE = 2, 3
NFNL_SUBSYS_CTNETLINK, NFNL_SUBSYS_NFTABLES = 1, 10
NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END = 16, 17
NESTED = 0x8000
KERNEL_DEADLINE_S = 10.0  # netlink answers before send() returns; the deadline is for a machine that is stopped
HEADER = 20  # struct nlmsghdr and struct nfgenmsg

_ATTRIBUTE = struct.Struct("=HH")
_HEADER = struct.Struct("=IHHIIBBH")
_ERROR = struct.Struct("=i")


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute (struct nlattr), padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def nest(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(parts))


def text(kind: int, value: str) -> bytes:
    """A string attribute, with its final zero."""
    return attribute(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    """A 32-bit attribute in network order."""
    return attribute(kind, struct.pack("!I", value & 0xFFFFFFFF))


def message(kind: int, flags: int, family: int, payload: bytes = b"", *, resource: int = 0, sequence: int = 0) -> bytes:
    """One message: netlink header, nfgenmsg, payload; ``resource`` is nfgenmsg's res_id, in network order."""
    length = HEADER + len(payload)
    return _HEADER.pack(length, kind, flags | NLM_F_REQUEST, sequence, 0, family, 0, sockets.htons(resource)) + payload


def batch(*messages: bytes) -> bytes:
    """A transaction of nf_tables: all of ``messages`` or none."""
    begin = message(NFNL_MSG_BATCH_BEGIN, 0, 0, resource=NFNL_SUBSYS_NFTABLES)
    end = message(NFNL_MSG_BATCH_END, 0, 0, resource=NFNL_SUBSYS_NFTABLES)
    return begin + b"".join(messages) + end


def attributes(data: bytes, start: int = 0, end: int | None = None) -> dict[int, bytes]:
    """The attributes in ``data[start:end]`` by their kind; of several of one kind the last."""
    found: dict[int, bytes] = {}
    end = len(data) if end is None else end
    unpack = _ATTRIBUTE.unpack_from
    while start + 4 <= end:
        length, kind = unpack(data, start)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages in one datagram: each one's type and its whole bytes."""
    start = 0
    while start + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, start)
        if length < 16:
            break
        yield kind, data[start : start + length]
        start += (length + 3) & ~3


def raise_for_error(data: bytes) -> None:
    """Raise the OSError that an NLMSG_ERROR message carries; an acknowledgement raises nothing."""
    code = _ERROR.unpack_from(data, 16)[0]
    if code:
        raise OSError(-code, os.strerror(-code))


def receive_dump(channel: sockets.socket) -> Iterator[bytes]:
    """The messages of the dump that was asked for on ``channel`` (a blocking socket); raises OSError."""
    while True:
        for kind, data in messages(channel.recv(1 << 18)):
            if kind == NLMSG_DONE:
                return
            if kind == NLMSG_ERROR:
                raise_for_error(data)
                return
            yield data
