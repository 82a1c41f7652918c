"""Which marks a node's rules set, and what asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.errors import Problem
from lab.record.path import Rule
from lab.record.routed import Routed


class Marked(StrEnum):
    """What a mark is of."""

    PACKET = "packet"  # the packet mark (fwmark, meta mark)
    FLOW = "flow"  # the connection's (connmark, ct mark)


class MarkRule(NamedTuple):
    """A rule that sets a mark or asks for one: ``value`` under ``mask``; None is a value that is reckoned out of packets.

    ``negated``: it asks for all that is not that.
    """

    rule: Rule
    of: Marked
    value: int | None
    mask: int
    negated: bool = False


class MarkRoute(NamedTuple):
    """A routing rule that asks for a packet mark, as `ip rule` prints it; ``family`` is 4 or 6."""

    family: int
    rule: str
    value: int
    mask: int


class MarkWay(NamedTuple):
    """How the kernel says that the node would send a packet with ``mark`` to an address ``to`` that no network here has."""

    to: str
    mark: int
    routed: Routed


@dataclass(frozen=True, slots=True)
class Mark:
    """One value: the rules that set it, of packets or of flows, those that ask for it, and where packets with it go."""

    value: int
    set_by: tuple[MarkRule, ...] = ()
    asked_by: tuple[MarkRule, ...] = ()
    routed_by: tuple[MarkRoute, ...] = ()
    ways: tuple[MarkWay, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkMap:
    """All marks of a node, ascending.

    ``kept_by`` are the rules that keep a packet's mark for its flow, ``given_by`` those that give a flow's mark to its packets,
    ``cleared_by`` those that set 0, ``reckoned_by`` those that set what is not read of their text, ``asked_any_by`` those that
    ask whether there is a mark.  ``without`` is where packets without any mark go, ``findings`` what does not fit together.
    """

    node: str
    marks: tuple[Mark, ...] = ()
    kept_by: tuple[MarkRule, ...] = ()
    given_by: tuple[MarkRule, ...] = ()
    cleared_by: tuple[MarkRule, ...] = ()
    reckoned_by: tuple[MarkRule, ...] = ()
    asked_any_by: tuple[MarkRule, ...] = ()
    without: tuple[MarkWay, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarkReport:
    """The maps of all nodes that were asked for; ``problems`` stopped it."""

    maps: tuple[MarkMap, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    problems: tuple[Problem, ...] = ()
    exit_code: int = 0
