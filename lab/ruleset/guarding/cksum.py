"""The checksum that `cksum` of POSIX prints, which every host has."""

from __future__ import annotations

import zlib

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(data: bytes) -> str:
    """What `cksum` prints of its standard input: the checksum and the number of bytes.

    It is the CRC of zlib with the bits of each byte mirrored, begun with 0, over the bytes and their number.

    >>> cksum(b"123456789")
    '930766865 9'
    """
    length = len(data)
    number = length.to_bytes((length.bit_length() + 7) // 8, "little")
    found = zlib.crc32((data + number).translate(_MIRRORED), 0xFFFFFFFF)
    return f"{int(f'{found:032b}'[::-1], 2)} {length}"
