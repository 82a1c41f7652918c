"""Frames as pcapng: scapy and the bytes themselves say that each is there, with its comment."""

from __future__ import annotations

import struct
from pathlib import Path

from scapy.utils import PcapNgReader

from lab.evidence.pcapng import Captured, pcapng

ETHERNET = bytes(12) + b"\x08\x00"
FRAMES = (
    Captured("gateway:wan", 1_700_000_000.25, ETHERNET + b"first", 'in by wan\nfilter FORWARD:3 "web" drop'),
    Captured("world:wan", 1_700_000_000.125, ETHERNET + b"before"),
    Captured("gateway:wan", 1_700_000_000.5, ETHERNET + b"last", "é\udcff"),
)


def blocks(content: bytes) -> list[tuple[int, bytes]]:
    found = []
    while content:
        kind, size = struct.unpack_from("<II", content)
        assert size % 4 == 0
        assert struct.unpack_from("<I", content, size - 4) == (size,)
        found.append((kind, content[8 : size - 4]))
        content = content[size:]
    return found


def test_scapy_reads_frames_comments_and_interfaces_in_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    file.write_bytes(pcapng(FRAMES, "all of it", "netfilter-lab"))
    with PcapNgReader(str(file)) as reader:
        read = list(reader)
    assert [bytes(one)[14:] for one in read] == [b"before", b"first", b"last"]
    assert [float(one.time) for one in read] == [1_700_000_000.125, 1_700_000_000.25, 1_700_000_000.5]
    assert [one.sniffed_on for one in read] == ["world:wan", "gateway:wan", "gateway:wan"]


def test_the_blocks_are_those_of_the_draft() -> None:
    found = blocks(pcapng(FRAMES, "all of it", "netfilter-lab"))
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 6, 6, 6]
    section = found[0][1]
    assert section[:16] == struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    assert section[16:] == b"\x01\0\x09\0all of it\0\0\0" + b"\x04\0\x0d\0netfilter-lab\0\0\0" + bytes(4)
    assert found[1][1] == struct.pack("<HHI", 1, 0, 0) + b"\x02\0\x09\0world:wan\0\0\0" + bytes(4)
    first = found[4][1]
    number, high, low, kept, size = struct.unpack_from("<IIIII", first)
    assert (number, (high << 32) + low, kept, size) == (1, 1_700_000_000_250_000, 19, 19)
    assert first[20:40] == ETHERNET + b"first\0"
    code, length = struct.unpack_from("<HH", first, 40)
    assert (code, first[44 : 44 + length].decode()) == (1, FRAMES[0].comment)
    assert len(found[3][1]) == 20 + 20, "without a comment there are no options"
    assert "é\\udcff".encode() in found[5][1]


def test_a_comment_of_any_length_is_cut_off_where_a_letter_ends() -> None:
    found = blocks(pcapng([Captured("a", 0.0, b"x", "é" * 50_000)], "", ""))
    length = struct.unpack_from("<H", found[-1][1], 26)[0]
    assert length == 65_000
    assert found[-1][1][28 : 28 + length].decode() == "é" * 32_500
    assert [kind for kind, _ in blocks(pcapng((), "", ""))] == [0x0A0D0D0A]
