"""Which form a file of seen flows has, told by how it begins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.errors import InputError, Problem, Where
from lab.written.files import Unfit, read_file
from lab.written.seen.capture import MAGICS, read_capture
from lab.written.seen.conntrack_text import read_conntrack, read_lines
from lab.written.seen.conntrack_xml import read_conntrack_xml, read_xml_lines
from lab.written.seen.live import Entry, Line, LiveFlow, gathered

MAX_TEXT = 64 * 1024 * 1024  # bytes: some 400,000 entries
MAX_CAPTURE = 256 * 1024 * 1024
_GIVE = "give what `conntrack -L` or `conntrack -L -o xml` printed, or what `tcpdump -w` wrote"


def read_seen(path: Path) -> tuple[LiveFlow, ...]:
    """The flows in what ``conntrack -L`` printed, as text or XML, or in a capture, the most frequent first.

    Raises InputError with line and value; nothing of the file is left out.
    """
    raw = _read(path)
    found = gathered(_entries(raw, str(path)))
    if not found:
        raise InputError(Problem("there is no flow in it", Where(str(path)), _GIVE))
    return found


def table_lines(raw: bytes, file: str) -> Iterable[Line]:
    """The entries of a table that was printed, with all that each says; raises InputError, also while they are gone through."""
    if raw[:4] in MAGICS:
        raise InputError(Problem("a capture holds packets, and no table", Where(file), "give what `conntrack -L` printed"))
    text = _text(raw, file)
    return read_xml_lines(text, file) if _is_xml(text) else read_lines(text, file)


def read_table(path: Path) -> bytes:
    """The bytes of a file with a table; raises InputError."""
    return _read(path)


def _entries(raw: bytes, file: str) -> list[Entry]:
    if raw[:4] in MAGICS:
        return read_capture(raw, file)
    text = _text(raw, file)
    return read_conntrack_xml(text, file) if _is_xml(text) else read_conntrack(text, file)


def _is_xml(text: str) -> bool:
    return text.lstrip()[:1] == "<"


def _text(raw: bytes, file: str) -> str:
    if raw[:2] == b"\x1f\x8b":
        raise InputError(Problem("it is compressed", Where(file), "gunzip it first"))
    if len(raw) > MAX_TEXT:
        raise InputError(Problem(f"larger than {MAX_TEXT // 1024 // 1024} MiB", Where(file), "give a part of the table"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"neither text nor a capture: byte 0x{raw[error.start]:02x} stands here"
        raise InputError(Problem(what, Where(file, line), _GIVE)) from None


def _read(path: Path) -> bytes:
    where = Where(str(path))
    try:
        raw = read_file(path, MAX_CAPTURE)
    except Unfit as error:
        raise InputError(Problem(f"this {error}", where, "write it to a file first")) from None
    except IsADirectoryError:
        raise InputError(Problem("this is a directory", where, _GIVE)) from None
    except FileNotFoundError:
        raise InputError(Problem("there is no such file", where, _GIVE)) from None
    except (OSError, ValueError) as error:  # a name with a zero byte
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', error)}", where)) from None
    if len(raw) > MAX_CAPTURE:
        mend = "give a part of it: tcpdump -c 1000000 -r FILE -w PART"
        raise InputError(Problem(f"larger than {MAX_CAPTURE // 1024 // 1024} MiB", where, mend))
    return raw
