"""Lines that fit a width: folded between words, and inside a word only where it is longer than the width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_PIECES = re.compile(r"[^:/,.@_-]*[:/,.@_-]|[^:/,.@_-]+")
_LEAST = 10


def folded(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` characters (at least 10); a longer word is broken behind one of ``:/,.@_-``.

    >>> folded("gateway filter:ufw-before-forward:6 dropped it", 24)
    ['gateway', 'filter:ufw-before-', 'forward:6 dropped it']
    """
    width = max(width, _LEAST)
    lines = [""]
    for word in text.split(" "):
        begun = f"{lines[-1]} {word}" if lines[-1] else word
        if len(begun) <= width:
            lines[-1] = begun
        elif len(word) <= width:
            lines.append(word)
        else:
            lines += _broken(word, width)
            if not lines[0]:
                del lines[0]
    return [line.rstrip() for line in lines]


def columns(rows: Sequence[Sequence[str]], width: int | None, indent: str = "  ") -> Iterator[str]:
    """Rows with their columns below each other; of a row that is wider than ``width`` the last column goes below, folded.

    >>> list(columns([("tcp/22", "dropped", "gateway filter:FORWARD policy"), ("tcp/443", "allowed", "")], 40))
    ['  tcp/22   dropped', '      gateway filter:FORWARD policy', '  tcp/443  allowed']
    """
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        begun = "  ".join(f"{text:{wide}}" for text, wide in zip(row, widths, strict=False))
        line = f"{indent}{begun}  {row[-1]}".rstrip()
        if width is None or len(line) <= width:
            yield line
            continue
        below = indent * 3
        first, *others = folded(begun, width - len(below)) if len(indent + begun.rstrip()) > width else [begun.rstrip()]
        yield indent + first
        yield from (below + text for text in (*others, *folded(row[-1], width - len(below))))


def _broken(word: str, width: int) -> list[str]:
    parts = [""]
    for piece in _PIECES.findall(word):
        if len(parts[-1]) + len(piece) <= width:
            parts[-1] += piece
            continue
        parts += [piece[at : at + width] for at in range(0, len(piece), width)]
    return [part for part in parts if part]
