"""Recordings for tests: what was typed and shown, as a shell does it."""

from __future__ import annotations

from lab.record.cast import NODE, Cast, CastEvent, CastHeader, CastKind

PROMPT = "office:gateway:~# "


def cast(*events: tuple[str, str], width: int = 80, node: str = "gateway", at: float = 1000.0) -> Cast:
    """A recording of ``(kind, text)``, a second each."""
    header = CastHeader(width, 24, at, env={NODE: node, "TERM": "xterm"})
    told = tuple(CastEvent(float(second), CastKind(kind), text) for second, (kind, text) in enumerate(events, 1))
    return Cast(f"{node}.cast", header, told)


def typed(line: str) -> list[tuple[str, str]]:
    """A line that is typed and echoed key by key, and its Enter."""
    keys = [pair for key in line for pair in (("i", key), ("o", key))]
    return [*keys, ("i", "\r"), ("o", "\x1b[?2004l\r\r\n")]
