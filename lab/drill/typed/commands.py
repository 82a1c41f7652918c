"""The commands that were typed into a recorded terminal, as its prompt showed them when Enter was pressed.

The keys alone do not tell a command: of a line that came from the shell's history there is an arrow.  So the output is put on a
`Screen`, and a line is a command when a prompt stands before it and it ends while an Enter waits for that.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

from lab.drill.typed.screen import Screen
from lab.record.cast import Cast, CastKind, size_of
from lab.record.debrief import Command

# what a shell asks with: up to the first # or $ and a blank
_PROMPT = re.compile(r"(?P<prompt>[^#$\n]{0,200}[#$] )(?P<line>.*)", re.DOTALL)
_BARE = re.compile(r"[^#$\n]{0,200}[#$]\Z")
_GOES_ON = "> "
_PASTED = re.compile(r"\x1b\[200~.*?(?:\x1b\[201~|\Z)", re.DOTALL)
_ENTER = re.compile(r"[\r\n]")
_LONGEST = 4000
_TERMINAL = "TERM"  # of the header's env: a shell that was given a pipe has none


def commands_of(casts: Iterable[Cast]) -> tuple[Command, ...]:
    """All commands of these recordings, in the order in which they were given."""
    return tuple(sorted((one for cast in casts for one in commands_in(cast)), key=lambda one: one.at))


def commands_in(cast: Cast) -> list[Command]:
    """The commands of one recording, each at the time of its Enter; of a recording without keys, of its line's end."""
    return _Reader(cast).read() if _TERMINAL in cast.header.env or not cast.header.env else list(_piped(cast))


def _piped(cast: Cast) -> Iterator[Command]:
    """The lines that a shell was given by a pipe, where nothing is asked or shown."""
    begun = ""
    for event in cast.events:
        if event.kind is CastKind.TYPED:
            *lines, begun = (begun + event.text).split("\n")
            for line in lines:
                if line.strip():
                    yield Command(cast.header.timestamp + event.seconds, cast.header.node, line.strip()[:_LONGEST])


class _Reader:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._screen = Screen(cast.header.width, cast.header.height)
        self._keys = any(event.kind is CastKind.TYPED for event in cast.events)
        self._enters: deque[float] = deque()
        self._found: list[Command] = []
        self._goes_on = False

    def read(self) -> list[Command]:
        for event in self._cast.events:
            if event.kind is CastKind.TYPED:
                self._typed(event.seconds, event.text)
            elif event.kind is CastKind.SHOWN:
                for _ in self._screen.write(event.text):
                    self._line_ends(event.seconds)
            elif event.kind is CastKind.RESIZED and (size := size_of(event.text)) is not None:
                self._screen.resize(*size)
        return [one for one in self._found if one.line]

    def _typed(self, seconds: float, keys: str) -> None:
        pressed = len(_ENTER.findall(_PASTED.sub("", keys)))
        if pressed and self._asks():
            self._enters.clear()  # those before were meant for a program
        self._enters.extend([seconds] * pressed)

    def _asks(self) -> bool:
        line = self._screen.line()
        return _PROMPT.match(line) is not None or _BARE.match(line) is not None

    def _line_ends(self, seconds: float) -> None:
        if self._keys and not self._enters:
            return
        line = self._screen.line()
        if found := _PROMPT.match(line):
            self._keep(seconds, found["line"])
        elif _BARE.match(line):
            self._keep(seconds, "")
        elif self._goes_on and line.startswith(_GOES_ON):
            self._more(line.removeprefix(_GOES_ON))
        else:
            self._goes_on = False

    def _keep(self, seconds: float, line: str) -> None:
        at = self._enters.popleft() if self._enters else seconds
        self._found.append(Command(self._cast.header.timestamp + at, self._cast.header.node, line.strip()[:_LONGEST]))
        self._goes_on = True

    def _more(self, line: str) -> None:
        """A line that goes on what was begun: of a quotation, a loop, a text that is given to a command."""
        if self._enters:
            self._enters.popleft()
        last = self._found[-1]
        self._found[-1] = last._replace(line=f"{last.line}\n{line}"[:_LONGEST])
