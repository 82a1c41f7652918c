"""Memory that recvmmsg(2) and sendmmsg(2) are given: what both sides of a batch share."""

from __future__ import annotations

import ctypes

MMSGHDR = 64  # sizeof(struct mmsghdr) on 64-bit Linux: struct msghdr (56), msg_len, padding


def address_of(buffer: bytearray) -> int:
    """Where a buffer's bytes stand; the buffer must be kept, and not grow, as long as the address is used."""
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
