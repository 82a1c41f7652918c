"""Lines that fit a width: folded between words, and inside a word only where it is longer than the width."""

from __future__ import annotations

import re

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


def _broken(word: str, width: int) -> list[str]:
    parts = [""]
    for piece in _PIECES.findall(word):
        if len(parts[-1]) + len(piece) <= width:
            parts[-1] += piece
            continue
        parts += [piece[at : at + width] for at in range(0, len(piece), width)]
    return [part for part in parts if part]
