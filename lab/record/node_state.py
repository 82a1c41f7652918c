"""All that a node holds, in a normal form: two readings of a node that nobody changed are equal, but for what packets made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ChangedBy(Enum):
    """Who changes the lines of a part, beside those who administer the node."""

    NOBODY = "nobody"
    TIME = "time"
    """It takes lines away (a timeout), and adds none."""
    PACKETS = "packets"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that stands by itself: a chain, a set's elements, the routes of a family.

    ``kind`` is the plural that a sentence counts its lines with, ``name`` tells it from others of its kind, and ``shown``
    stands before each line, which is then what a person would type or read.  ``ordered`` tells that the order of lines counts.
    """

    kind: str
    name: str
    shown: str
    lines: tuple[str, ...]
    changed_by: ChangedBy = ChangedBy.NOBODY
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node holds: no part without a line, and of one kind and name at most one for each who changes it."""

    node: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Leftover:
    """One line that one of two states has and the other has not.

    ``what`` is that line behind ``+`` or ``-``, made printable.  ``carried`` tells that packets or time make such lines, and
    nobody who changes rules has to take them back.
    """

    kind: str
    what: str
    carried: bool = False
