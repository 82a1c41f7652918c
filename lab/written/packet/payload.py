"""What is sent as data: text, bytes in hexadecimal digits, or so many bytes of anything."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.written.words import text_of

MOST_PAYLOAD = 32_000  # bytes: every socket's buffer has room for them
_HEX = re.compile(r"0x((?:[0-9a-fA-F]{2})+)")
_FILLING = b"netfilter-lab "


def payload_of(value: object) -> bytes:
    """The bytes that are written; raises ValueError."""
    if isinstance(value, bytes):
        return value
    made = _filling(value) if isinstance(value, Mapping) else _written(text_of(value))
    if not made:
        raise ValueError("there is no data here\nwrite text, 0x47 0x45 as 0x4745, or {bytes: 1400}")
    if len(made) > MOST_PAYLOAD:
        raise ValueError(f"{len(made):,} bytes are more than {MOST_PAYLOAD:,}")
    return made


def _written(text: str) -> bytes:
    if text.startswith("0x"):
        found = _HEX.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is not made of pairs of hexadecimal digits\nwrite 0x474554, or {{bytes: 1400}}")
        return bytes.fromhex(found[1])
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("this is no text\nwrite its bytes: 0xff00") from None


def _filling(value: Mapping[object, object]) -> bytes:
    size = value.get("bytes")
    if set(value) != {"bytes"} or isinstance(size, bool) or not isinstance(size, int):
        raise ValueError("so much data of any kind is written {bytes: 1400}")
    if not 1 <= size <= MOST_PAYLOAD:
        raise ValueError(f"{size} is not between 1 and {MOST_PAYLOAD:,} bytes")
    return (_FILLING * (size // len(_FILLING) + 1))[:size]
