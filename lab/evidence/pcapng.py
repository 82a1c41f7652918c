"""Captured frames as pcapng, each with what is said of it as its comment (draft-ietf-opsawg-pcapng).

tcpdump skips comments; Wireshark shows them, and ``tshark -T fields -e frame.comment`` prints them.  scapy's own writer gives
a section no options: nothing is said of the whole there, and not who captured.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC, _UNKNOWN_LENGTH = 0x1A2B3C4D, -1
_ETHERNET = 1
_END_OF_OPTIONS, _COMMENT, _IF_NAME, _USERAPPL = 0, 1, 2, 4
_LONGEST = 65_000  # bytes of an option, whose length has 16 bits
_MICROSECONDS = 1_000_000  # the resolution that an interface has unless it says another


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame at an interface (``gateway:wan``), when it crossed, in seconds since the epoch, and what is said of it."""

    interface: str
    seconds: float
    data: bytes
    comment: str = ""


def pcapng(frames: Iterable[Captured], comment: str, program: str) -> bytes:
    """One section with these frames in order of time; ``comment`` is about all of it, ``program`` is who captured."""
    ordered = sorted(frames, key=lambda frame: frame.seconds)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(frame.interface for frame in ordered))}
    return b"".join(_blocks(ordered, numbers, comment, program))


def _blocks(frames: Sequence[Captured], numbers: dict[str, int], comment: str, program: str) -> Iterator[bytes]:
    yield opening(numbers, comment, program)
    for frame in frames:
        yield packet_block(frame, numbers[frame.interface])


def opening(interfaces: Iterable[str], comment: str, program: str) -> bytes:
    """What a section begins with that has packets of these interfaces, which are numbered from 0."""
    head = struct.pack("<IHHq", _MAGIC, 1, 0, _UNKNOWN_LENGTH)
    blocks = [_block(_SECTION, head, [(_COMMENT, comment), (_USERAPPL, program)])]
    blocks += [_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0), [(_IF_NAME, name)]) for name in interfaces]
    return b"".join(blocks)


def packet_block(frame: Captured, number: int) -> bytes:
    """One frame, at the interface of this number."""
    when = round(frame.seconds * _MICROSECONDS)
    size = len(frame.data)
    told = struct.pack("<IIIII", number, when >> 32, when & 0xFFFFFFFF, size, size)
    return _block(_PACKET, told + _padded(frame.data), [(_COMMENT, frame.comment)])


def _block(kind: int, body: bytes, options: Iterable[tuple[int, str]]) -> bytes:
    given = b"".join(_option(code, text) for code, text in options if text)
    body += given + struct.pack("<HH", _END_OF_OPTIONS, 0) if given else b""
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, text: str) -> bytes:
    value = text.encode(errors="backslashreplace")[:_LONGEST].decode(errors="ignore").encode()
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
