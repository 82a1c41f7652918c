"""What is watched of one node: its trace, its conntrack, what its rules eat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lab.kernel.hold.rule_index import RuleIndex
from lab.kernel.watch.between import Rules
from lab.kernel.watch.conntrack import ConntrackChannel
from lab.kernel.watch.count_table import CountTable
from lab.kernel.watch.paths import Passage
from lab.kernel.watch.queues import Queues
from lab.kernel.watch.trace_table import TraceTable
from lab.record.path import Path


class Trace(Protocol):
    """The trace of one node, whichever backend holds its rules."""

    table: TraceTable
    told: int  # messages of the last `passages`
    queues: Queues | None  # those of the node that the lab reads

    @property
    def descriptor(self) -> int:
        """Of the socket that it is told by."""

    @property
    def keeps(self) -> bool:
        """Whether `paths` has more to give than what waits there."""

    def paths(self) -> list[Path]:
        """The paths of all packets since the last call; raises tracer.Overrun when some were lost."""

    def passages(self) -> list[Passage]:
        """The same for many packets that went few ways."""

    def so_far(self, over: int = 0) -> tuple[list[Passage], int]:
        """The ways of packets that have come to an end by now, and how many are told of that have not.

        Of those that had not when this was called last, the first ``over`` are over, wherever they came to: they have
        vanished if nothing more is told of them.  Raises tracer.Overrun when some were lost.
        """

    @property
    def room(self) -> int:
        """How many messages can wait, at least."""

    def send_canaries(self) -> None:
        """Send the canaries; when they have passed, `canary_trouble` says whether all were told of."""

    def canary_trouble(self, *, keep: bool = False) -> str | None:
        """What is wrong with the instrument; None when all of it works.  What else was told is let go, or kept for `paths`."""

    def settle(self, *, going_on: bool) -> None:
        """Tell what was told so far by the rules that are in force, and keep it for the next `paths`.

        With ``going_on`` a packet that may still be under way is told with what comes next.
        """

    def retell(self, rules: Rules) -> None:
        """Name what is read from now on by other ``rules``; what is armed in the node stays as it is."""

    def resume(self) -> None:
        """Begin to ask a node that other processes asked since `pause`."""

    def pause(self) -> None:
        """Let other processes ask the node."""

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop tracing, in any order."""


@dataclass(slots=True)
class Watch:
    """What is watched of one node, and by which ``rules`` its trace is told.

    ``always`` tells that every packet is traced there, whatever else is asked for.  ``counted`` counts what its rules eat, once
    that was asked for.
    """

    trace: Trace
    conntrack: ConntrackChannel
    rules: RuleIndex
    always: bool = False
    counted: CountTable | None = None

    def closers(self) -> tuple[Callable[[], None], ...]:
        """What is to be called to stop watching, in any order."""
        counted = () if self.counted is None else (self.counted.remove,)
        return *self.trace.closers(), self.conntrack.close, *counted
