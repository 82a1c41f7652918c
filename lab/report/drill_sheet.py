"""A drill on paper: the situation manual for players, which tells nothing of the answer, and the injects as planners have them.

What is for the facilitator alone is in `lab.report.drill_guide`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from lab.report.markup import code, prose
from lab.report.plain import plain
from lab.written.drill import Drill, Value
from lab.written.drill_parts import Typed
from lab.written.drill_places import FAULT_KINDS, WITH_NAME, WITHOUT_NAME
from lab.written.topology import Topology

COLUMNS: Final = ("number", "time", "or when", "text", "expected", "if not")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would reckon out
_RULES: Final = (
    "Look around in the nodes as you would at work: `lab shell LAB NODE` is a terminal there. Each shell is recorded.",
    "Say what the cause is as soon as you know: `lab drill answer LAB NODE WHAT KIND`. Wrong answers are counted.",
    "Contain it first if people suffer, then mend it: `lab drill check LAB` says whether all is well again.",
    "A mend that opens everything, flushes the rules or reboots the node is none.",
    "Stuck? `lab drill hint LAB`. Hints are counted too.",
)


class Played(Protocol):
    """A drill with the values of a seed, as what is printed of it needs it: `lab.prepare.drills.Play` is one."""

    @property
    def drill(self) -> Drill:
        """With its texts filled in."""

    @property
    def seed(self) -> int:
        """What chose them."""

    @property
    def values(self) -> Mapping[str, Value]:
        """What it chose, by name."""

    @property
    def topology(self) -> Topology:
        """What the lab is built of."""

    @property
    def fix(self) -> tuple[Typed, ...]:
        """What mends it."""

    @property
    def wrong(self) -> tuple[tuple[str, tuple[Typed, ...]], ...]:
        """What mends it not, each with what is wrong about it."""


def players_sheet(play: Played) -> str:
    """The situation manual as Markdown; it is made of what everybody may know, and of nothing else of the drill."""
    drill = play.drill
    lines = [f"# {prose(drill.drill)}: situation manual", "", "For the team. What happened is not told here: find it out.", ""]
    lines += ["| | |", "| --- | --- |", f"| level | {drill.level} of 3 |", f"| time | {drill.minutes} minutes |"]
    if drill.roles:
        lines.append(f"| roles | {prose(', '.join(drill.roles), table=True)} |")
    lines += ["", "## The page", "", f"> {prose(drill.page)}", "", "## The network, as it is documented", ""]
    lines += [*_network(play), "", "## How it is played", ""]
    lines += [f"- {rule}" for rule in _RULES]
    lines += ["", "## What an answer is made of", ""]
    lines.append(
        "WHAT is `TABLE:CHAIN`, as in `filter:FORWARD`, or "
        f"{', '.join(code(word) for word in WITHOUT_NAME)}, {', '.join(code(f'{word} NAME') for word in WITH_NAME)}; "
        "a network stands alone. KIND is one of these, the same for every drill:"
    )
    return "\n".join([*lines, "", ", ".join(map(code, FAULT_KINDS)), ""])


def _network(play: Played) -> Iterator[str]:
    topology = play.topology
    if topology.about:
        yield from (prose(topology.about), "")
    yield "| network | prefixes |"
    yield "| --- | --- |"
    for name, prefixes in topology.networks.items():
        yield f"| {_cell(name)} | {_cell(', '.join(map(str, prefixes)))} |"
    yield ""
    yield "| node | role | interfaces |"
    yield "| --- | --- | --- |"
    for name, node in topology.nodes.items():
        interfaces = "; ".join(
            f"{interface} {', '.join(str(address.ip) for address in spec.addresses)}"
            for interface, spec in node.interfaces.items()
        )
        yield f"| {_cell(name)} | {_cell(node.role)} | {_cell(interfaces)} |"
    if topology.names:
        yield ""
        yield "| name | addresses |"
        yield "| --- | --- |"
        for name, addresses in topology.names.items():
            yield f"| {_cell(name)} | {_cell(', '.join(map(str, addresses)))} |"


def _cell(text: str) -> str:
    return prose(text, table=True)


def injects_sheet(play: Played) -> str:
    """The injects as CSV (RFC 4180), in the columns of an exercise's list of events; a spreadsheet runs nothing of it."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows(map(_inert, row) for row in inject_rows(play))
    return out.getvalue()


def inject_rows(play: Played) -> Iterator[Sequence[str]]:
    """Each inject as `COLUMNS` has it; the time is hours, minutes and seconds since the start."""
    for number, one in enumerate(play.drill.injects, 1):
        when = (one.when or "").replace("-", " ")
        yield str(number), "" if one.at is None else clock(one.at), when, one.text, one.expected, one.if_not


def clock(seconds: float) -> str:
    """A time of the exercise: ``0:10:00``.

    >>> clock(3690)
    '1:01:30'
    """
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _inert(text: str) -> str:
    shown = plain(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
