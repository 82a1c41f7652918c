"""What a policy's text may not hold: a statement or an option beyond those that make rules, sets and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Refused(NamedTuple):
    """Something that is not on a tool's closed list: in which line (from 1), what it is, and what to do."""

    line: int
    what: str
    mend: str


def long_lines(lines: Sequence[str], most: int, tool: str) -> Iterator[Refused]:
    """The lines of more than ``most`` bytes, comments too: the tool takes what is behind its buffer's end for a line."""
    if 4 * max(map(len, lines), default=0) <= most:  # no character has more than four bytes
        return
    for number, line in enumerate(lines, start=1):
        if len(line) > most or len(line.encode(errors="replace")) > most:
            yield Refused(number, f"the line is longer than the {most} bytes that {tool} reads at once", "split it in two")
