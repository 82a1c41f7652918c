"""A tar read as data, entry by entry (POSIX.1-2017, pax; GNU's long names), whoever made it.

`tarfile` reads headers of any size into memory and follows what they say; this reads forward alone, in pieces, and refuses what
a bundle does not have: links, devices, sparse files, names that lead out of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from lab.errors import InputError, Problem, Where

_BLOCK = 512
_CHUNK = 1 << 18
_MOST_OF_HEADER = 1 << 16  # bytes of a pax header, or of a long name
_MOST_IN_VAIN = 20_000  # entries that are no files
_MOST_BEHIND = 4 << 20  # bytes of nothing, by which a tar is filled up
_GZIP = b"\x1f\x8b"
_FILES, _FOLDER, _PAX, _PAX_OF_ALL, _LONG_NAME = (b"0", b"\0"), b"5", b"x", b"g", b"L"
_ODD = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe"}
_IN_PAX = (b"mtime", b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname", b"comment", b"path")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the tar: its content, which is read before the next one is asked for; ``odd`` says what it is if it is none."""

    name: str
    chunks: Iterable[bytes] = ()
    odd: str = ""


class _Wrong(Exception):
    """It is no tar, or none of a bundle; says why."""


def entries(file: IO[bytes], where: Where) -> Iterator[Entry]:
    """Every entry but folders; raises InputError for what is no tar, is cut off, or has what none of a bundle has.

    So does who reads the content of one.
    """
    with _telling(where):
        for entry in _entries(_Blocks(_stream(file))):
            yield Entry(entry.name, _read(entry.chunks, where), entry.odd)


def _read(chunks: Iterable[bytes], where: Where) -> Iterator[bytes]:
    with _telling(where):
        yield from chunks


@contextmanager
def _telling(where: Where) -> Iterator[None]:
    try:
        yield
    except (_Wrong, zlib.error) as error:
        raise InputError(Problem(f"it is no tar of a bundle: {error}", where)) from None


def _stream(file: IO[bytes]) -> Callable[[], bytes]:
    """What gives the next piece of the tar, at most `_CHUNK` bytes; empty at the end."""
    head = file.read(_CHUNK)
    if not head.startswith(_GZIP):
        first = [head]
        return lambda: first.pop() if first else file.read(_CHUNK)
    inflate = zlib.decompressobj(wbits=31)
    waiting = head

    def piece() -> bytes:
        nonlocal waiting
        while not inflate.eof:
            waiting = waiting or file.read(_CHUNK)
            if not waiting:
                raise _Wrong("it is cut off")
            given = inflate.decompress(waiting, _CHUNK)
            waiting = inflate.unconsumed_tail
            if given:
                return given
        if inflate.unused_data or waiting or file.read(1):
            raise _Wrong("something stands behind its end")
        return b""

    return piece


class _Blocks:
    """The bytes of the tar, in the pieces that are asked for."""

    def __init__(self, piece: Callable[[], bytes]) -> None:
        self._piece = piece
        self._have = b""
        self._at = 0

    def some(self, most: int) -> bytes:
        """The next bytes, one at least; none at the end."""
        if self._at == len(self._have):
            self._have, self._at = self._piece(), 0
        given = self._have[self._at : self._at + most]
        self._at += len(given)
        return given

    def exactly(self, size: int) -> bytes:
        """So many bytes."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes, piece by piece."""
        while size:
            given = self.some(size)
            if not given:
                raise _Wrong("it is cut off")
            size -= len(given)
            yield given


def _entries(blocks: _Blocks) -> Iterator[Entry]:
    name = ""
    in_vain = 0
    while (head := blocks.exactly(_BLOCK)) != bytes(_BLOCK):
        kind, size = _checked(head)
        if kind in (_PAX, _PAX_OF_ALL, _LONG_NAME):
            name = _told_name(kind, _header(blocks, size)) or name
        elif kind in _FILES:
            pieces = blocks.pieces(size)
            yield Entry(_safe(name or _own_name(head)), pieces)
            for _ in pieces:  # what nobody read
                pass
            blocks.exactly(-size % _BLOCK)
            name = ""
            continue
        elif size:
            raise _Wrong(f"an entry of the kind {kind!r} has content")
        else:
            called, name = _safe(name or _own_name(head)), ""
            if kind != _FOLDER:
                yield Entry(called, odd=_ODD.get(kind, f"an entry of the kind {kind!r}"))
        in_vain += 1
        if in_vain > _MOST_IN_VAIN:
            raise _Wrong(f"it has more than {_MOST_IN_VAIN:,} entries that are no files")
    behind = 0
    while rest := blocks.some(_CHUNK):
        behind += len(rest)
        if rest.strip(b"\0") or behind > _MOST_BEHIND:
            raise _Wrong("something stands behind its end")


def _checked(head: bytes) -> tuple[bytes, int]:
    """The kind and size that a header tells, whose checksum is as it says."""
    if _octal(head[148:156]) != sum(head[:148]) + 8 * 0x20 + sum(head[156:]):
        raise _Wrong("a header's checksum is wrong")
    return head[156:157], _octal(head[124:136])


def _octal(text: bytes) -> int:
    digits = text.strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        raise _Wrong("a header's number is none")
    return int(digits, 8)


def _own_name(head: bytes) -> str:
    prefix = head[345:500].partition(b"\0")[0] if head[257:263] == b"ustar\0" else b""
    own = head[:100].partition(b"\0")[0]
    return _text(prefix + b"/" + own if prefix else own)


def _header(blocks: _Blocks, size: int) -> bytes:
    if size > _MOST_OF_HEADER:
        raise _Wrong(f"a header has {size:,} bytes")
    content = blocks.exactly(size)
    blocks.exactly(-size % _BLOCK)
    return content


def _told_name(kind: bytes, content: bytes) -> str:
    if kind == _LONG_NAME:
        return _text(content.partition(b"\0")[0])
    name = ""
    while content:
        length, blank, _ = content.partition(b" ")
        if not blank or not length.isdigit() or len(length) > 6 or not len(length) + 2 < int(length) <= len(content):
            raise _Wrong("a pax header is cut off")
        record, content = content[len(length) + 1 : int(length)], content[int(length) :]
        key, _, value = record.removesuffix(b"\n").partition(b"=")
        if key not in _IN_PAX or (kind == _PAX_OF_ALL and key == b"path"):
            raise _Wrong(f"a pax header says {key[:40]!r}")
        name = _text(value) if key == b"path" else name
    return name


def _text(name: bytes) -> str:
    return name.decode(errors="backslashreplace")


def _safe(name: str) -> str:
    """The name without what means nothing (``./``, a slash at its end); _Wrong where it leads out of the tar."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise _Wrong(f"{name[:80]!r} leads out of it")
    return "/".join(parts)
